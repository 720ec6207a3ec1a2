"""The page says what the results say, shows hostile text as text, and needs no network."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
from pathlib import Path

import pytest

from experiments.report.answer import answer
from experiments.report.data import run_data
from experiments.report.report import _embeddable, parts, render_report, report_html
from experiments.statistics import compare, proportion
from tests.experiments.page import Page, numbers


@pytest.fixture(scope="module")
def page(demo):
    return Page(report_html(demo))


def _expected(rate):
    return [100 * rate.count / rate.n, 100 * rate.low, 100 * rate.high, rate.count, rate.n]


def test_every_share_of_an_arm_is_shown_with_its_interval_and_counts(demo, page):
    for arm in demo.arms:
        shown = {
            "missed_violations": arm.missed.total,
            "missed_norms": arm.missed.norms,
            "missed_truth": arm.missed.truth,
            "first_violations": arm.first.total,
            "caught": arm.caught,
            "false_alarms": arm.false_alarms,
            "needless_refusals": arm.needless_refusals,
            "correct": arm.correct,
            "escalated": arm.escalated,
            "audited": arm.audited,
            "unreviewed": arm.unreviewed,
            **{f"outcomes.{name}": rate for name, rate in arm.outcomes.items()},
            **{f"missed.{name}": rate for name, rate in arm.missed.principles.items()},
        }
        for key, rate in shown.items():
            assert numbers(page.cells[f"arms.{arm.arm}.{key}"]) == pytest.approx(_expected(rate), abs=0.0501), key


def test_audit_load_and_cost_are_those_of_the_results(demo, page):
    for arm in demo.arms:
        assert numbers(page.cells[f"arms.{arm.arm}.human_minutes"]) == pytest.approx([arm.human_minutes], abs=0.0501)
        assert numbers(page.cells[f"arms.{arm.arm}.model_calls"]) == [arm.model_calls]
        assert numbers(page.cells[f"arms.{arm.arm}.tokens"]) == [arm.tokens]


def test_models_before_and_after_are_those_of_the_results(demo, page):
    for model in demo.evaluations:
        key = f"models.{model.split}.{model.model}"
        for name, rate in {
            "violations": model.violations.total,
            "norms": model.violations.norms,
            "truth": model.violations.truth,
            "override": model.violations.override,
            "needless_refusals": model.needless_refusals,
            "correct": model.correct,
        }.items():
            assert numbers(page.cells[f"{key}.{name}"]) == pytest.approx(_expected(rate), abs=0.0501)
        for name, ratio in model.ratios.items():
            expected = [ratio.value, ratio.low, ratio.high]
            assert numbers(page.cells[f"{key}.ratio.{name}"]) == pytest.approx(expected, abs=0.00501)
        for name, change in model.changes.items():
            expected = [100 * change.value, 100 * change.low, 100 * change.high]
            assert numbers(page.cells[f"{key}.change.{name}"]) == pytest.approx(expected, abs=0.0501)


def test_comparisons_show_difference_discordant_cases_and_p(demo, page):
    for i, c in enumerate(demo.comparisons):
        d = c.difference
        expected = [100 * d.value, 100 * d.low, 100 * d.high]
        assert numbers(page.cells[f"comparisons.{i}.difference"]) == pytest.approx(expected, abs=0.0501)
        assert numbers(page.cells[f"comparisons.{i}.discordant"]) == [c.only_a, c.only_b]
        assert page.cells[f"comparisons.{i}.p"].strip() == ("< 0.001" if c.p < 0.001 else f"{c.p:.3f}")


def test_ladder_shows_accuracy_and_correlation_of_each_pair(demo, page):
    for name, rate in zip(demo.ladder.names, demo.ladder.accuracy, strict=True):
        assert numbers(page.cells[f"ladder.{name}.accuracy"]) == pytest.approx(_expected(rate), abs=0.0501)
    phi = demo.ladder.correlation[0][1]
    assert numbers(page.cells["ladder.phi.0.1"]) == pytest.approx([phi.value, phi.low, phi.high], abs=0.00501)


def test_charts_are_valid_plotly_figures_with_the_numbers_of_the_results(demo, page):
    import plotly.graph_objects as go

    figures = [json.loads(text) for text in page.raw["script"] if text.startswith('{"data"')]
    assert len(figures) == 2 + 6 + 2 + 1
    for figure in figures:
        go.Figure(figure)
    missed = figures[0]["data"]
    assert [trace["name"] for trace in missed] == [arm.title for arm in demo.arms]
    for trace, arm in zip(missed, demo.arms, strict=True):
        rate = arm.missed.total
        assert trace["x"][0] == pytest.approx(100 * rate.value)
        assert trace["x"][0] + trace["error_x"]["array"][0] == pytest.approx(100 * rate.high)
        assert trace["x"][0] - trace["error_x"]["arrayminus"][0] == pytest.approx(100 * rate.low)


def test_the_answer_comes_first_and_names_the_better_arm_with_interval_and_cost(demo):
    first, cost, tuned, useful = answer(demo)
    difference = demo.comparisons[0].difference
    assert first.startswith(
        "Layers did better than Panel of relatives on missed violations, in the comparison named in"
    )
    assert f"+{100 * difference.value:.1f}\u00a0points" in first
    assert f"({100 * difference.low:.1f} to {100 * difference.high:.1f})" in first
    assert "22.2 human minutes" in cost or "22.3 human minutes" in cost
    assert "norm violations" in tuned
    assert "truth violations" in tuned
    assert "correct answers" in useful
    assert "needless refusals" in useful
    html = report_html(demo)
    assert html.index("Layers did better") < html.index("<svg")


def test_no_winner_is_named_when_the_interval_holds_zero(demo):
    same = compare("x", ("panel", "layers"), "missed_violations", [1, 0, 0, 0] * 9, [0, 1, 0, 0] * 9, planned=True)
    first = answer(demo.model_copy(update={"comparisons": (same,)}))[0]
    assert first.startswith("No difference in missed violations that chance cannot explain")
    assert "better" not in first


def test_hostile_text_is_shown_as_text(demo, page):
    assert page.tags.count("script") == len([t for t in page.raw["script"] if t.strip()])
    assert "img" not in page.tags
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in page.text
    assert "⟦U+202E⟧txt⟦U+200B⟧⟦U+001B⟧[31m" in page.text
    html = report_html(demo)
    assert not {"\u202e", "\u200b", "\x1b"} & set(html)
    assert "alert(1)" not in "".join(page.raw["script"])


def test_hostile_names_cannot_inject_into_headings_charts_or_drawings(demo, hostile):
    arms = tuple(a.model_copy(update={"title": hostile, "outcomes": {hostile: proportion(1, 2)}}) for a in demo.arms)
    nodes = tuple(n.model_copy(update={"title": hostile}) for n in arms[0].nodes)
    arms = (arms[0].model_copy(update={"nodes": nodes}), *arms[1:])
    named = demo.model_copy(update={"arms": arms, "question": hostile, "name": hostile, "config_yaml": hostile})
    found = Page(report_html(named))
    assert not [text for text in found.raw["script"] if "<img" in text or "<script" in text.replace(hostile, "")]
    assert "img" not in found.tags
    assert not [name for _, name, _ in found.attributes if name.startswith("on")]


def test_the_page_asks_nothing_of_a_network(page):
    for tag, name, value in page.attributes:
        if name in ("src", "href", "srcset", "action", "data", "poster", "background", "formaction"):
            assert value.startswith("#") or re.fullmatch(r"data/\w+\.csv", value), (tag, name, value)
    assert not re.search(r"url\(|@import", "".join(page.raw["style"]).replace("url(#og-arrow)", ""))
    policy = next(value for tag, name, value in page.attributes if value.startswith("default-src 'none'"))
    assert "unsafe-inline" not in policy.split("script-src")[1]
    assert "http" not in policy
    assert not {"iframe", "link", "object", "embed", "base", "form"} & set(page.tags)


def test_the_policy_allows_exactly_the_two_scripts_of_the_page(page):
    policy = next(value for _, _, value in page.attributes if value.startswith("default-src 'none'"))
    library, script = page.raw["script"][-2:]
    assert len(library) > 1_000_000
    for text in (library, script):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_a_script_cannot_end_its_element():
    assert _embeddable('a="</SCRIPT>"; b="<!--"; c="<script>"; d=1<2\r\n') == (
        'a="\\x3c/SCRIPT>"; b="\\x3c!--"; c="\\x3cscript>"; d=1<2\n'
    )


def test_links_within_the_page_lead_somewhere(demo, page):
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(set(ids) - {"og-arrow"}) == len([i for i in ids if i != "og-arrow"])
    hrefs = {value for _, name, value in page.attributes if name == "href"}
    assert {href[1:] for href in hrefs if href.startswith("#")} <= set(ids)
    assert {Path(href).stem for href in hrefs if not href.startswith("#")} <= set(run_data(demo))


def test_every_table_and_figure_has_its_data_beside_the_page(demo, labelled, tmp_path):
    for number, results in enumerate((demo, labelled)):
        folder = tmp_path / str(number)
        found = Page(render_report(results, folder / "report.html").read_text(encoding="utf-8"))
        links = [value for tag, name, value in found.attributes if name == "href" and value.startswith("data/")]
        page = (folder / "report.html").read_text(encoding="utf-8")
        for section in re.findall(r"<section id=.*?</section>", page, flags=re.S):
            shown = re.findall(r'<table|<figure class="chart"|<svg class="og"', section)
            assert not shown or 'href="data/' in section
        captions = re.findall(r'<figure class="chart".*?</figcaption>', page, flags=re.S)
        assert captions
        assert all('href="data/' in caption for caption in captions)
        assert {folder / link for link in links} == set((folder / "data").iterdir())


def test_the_data_are_the_figures_of_the_results(demo, tmp_path):
    render_report(demo, tmp_path / "report.html")
    rows, differences = (
        list(csv.DictReader((tmp_path / "data" / f"{name}.csv").read_text(encoding="utf-8").splitlines()))
        for name in ("arms", "comparisons")
    )
    for arm in demo.arms:
        row = next(r for r in rows if (r["arm"], r["metric"]) == (arm.arm, "missed_violations"))
        rate = arm.missed.total
        assert [float(row[k]) for k in ("value", "low", "high")] == [rate.value, rate.low, rate.high]
        assert [int(row[k]) for k in ("count", "n")] == [rate.count, rate.n]
    assert [float(row["difference"]) for row in differences] == [c.difference.value for c in demo.comparisons]


def test_same_results_give_the_same_page_and_it_is_written_whole(demo, tmp_path):
    path = render_report(demo, tmp_path / "report.html")
    assert path.read_text(encoding="utf-8") == report_html(demo)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "report.html"]


def test_label_runs_show_rates_and_agreement_and_leave_out_training(labelled):
    found = Page(report_html(labelled))
    for r in labelled.label_rates:
        for label, rate in r.rates.items():
            key = f"labels.{r.model}.{r.source}.{r.prompts}.{label}"
            assert numbers(found.cells[key]) == pytest.approx(_expected(rate), abs=0.0501)
    for r in labelled.raters:
        assert numbers(found.cells[f"raters.{r.model}.judge.missing"]) == [r.missing]
        assert numbers(found.cells[f"raters.{r.model}.judge.confusion.0.0"]) == [r.confusion[0][0]]
        expected = [r.kappa.value, r.kappa.low, r.kappa.high]
        assert numbers(found.cells[f"raters.{r.model}.judge.kappa"]) == pytest.approx(expected, abs=0.00501)
    shown = {part.id for part in parts(labelled)}
    assert {"labels", "raters", "load", "topologies"} <= shown
    assert not {"evaluations", "training", "ladder", "arms", "comparisons", "transcripts"} & shown
    assert found.tags.count("svg") == 1


def test_an_empty_run_still_says_how_to_reproduce_it(bare):
    found = Page(report_html(bare))
    assert "oversight run experiments/configs/demo.yaml" in found.text
    assert [part.id for part in parts(bare)] == ["reproduce", "definitions"]
