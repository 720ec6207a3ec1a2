"""The page of a sweep: self-contained, safe, and with the numbers of the sweep."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from experiments.cli import app
from experiments.lab.plan import load_sweep
from experiments.lab.pooled import pooled, short
from experiments.lab.sweep import Sweeper
from experiments.report.lab_charts import COLUMNS, curves
from tests.experiments.lab.test_sweep import SMALL, write


def page_of(folder: Path, text: str = SMALL) -> tuple[str, list[dict]]:
    path = write(folder, text)
    lines = Sweeper(load_sweep(path), folder, folder / "out").run()
    return (folder / "out" / "report.html").read_text(encoding="utf-8"), lines


def test_the_page_has_every_setting_with_its_interval_and_its_data(tmp_path: Path) -> None:
    page, lines = page_of(tmp_path)
    rows = pooled(lines)
    assert len(rows) == 4  # two settings, two arms, seeds pooled
    assert all(row.seeds == 2 for row in rows)
    for row in rows:
        share = row.shares["missed_violations"]
        assert share.n == 3000
        assert f"{share.count:,} / {share.n:,}" in page
    assert '<a href="results.csv">' in page
    assert page.count("<svg") >= 2
    assert {link for link in re.findall(r'href="(data/[^"]+)"', page)} == {
        f"data/{path.name}" for path in (tmp_path / "out" / "data").iterdir()
    }


def test_pooled_counts_are_the_sums_over_seeds(tmp_path: Path) -> None:
    _, lines = page_of(tmp_path)
    assert len(pooled(lines)) > 1
    for row in pooled(lines):
        counts = [line["arms"][row.arm]["missed_violations"]["count"] for line in lines if line["values"] == row.values]
        assert row.shares["missed_violations"].count == sum(counts)


def test_the_page_needs_no_network_and_runs_only_its_own_scripts(tmp_path: Path) -> None:
    page, _ = page_of(tmp_path)
    head = re.sub(r"<script.*?</script>", "", page, flags=re.S)
    assert "://" not in re.sub(r"http://www\.w3\.org/\d+/(svg|xlink)", "", head)
    assert "default-src 'none'" in head
    assert re.search(r"script-src 'sha256-[^']+' 'sha256-[^']+'", head)


def test_hostile_words_are_text(tmp_path: Path) -> None:
    page, _ = page_of(tmp_path, SMALL + 'question: "<img src=x onerror=alert(1)>\\u202e"\n')
    assert "<img src=x" not in page
    assert "&lt;img" in page
    assert "\u202e" not in page


def test_keys_that_move_together_are_named_once() -> None:
    assert short("agents.a.model.sensitivity, agents.b.model.sensitivity") == "model.sensitivity"
    assert short("auditor.budget, seed") == "auditor.budget / seed"


def test_a_curve_for_every_metric_of_the_table_with_the_sweeps_own_first(tmp_path: Path) -> None:
    page, lines = page_of(tmp_path, SMALL + "metric: false_alarms\n")
    found = re.findall(r'id="chart-response-(\d+)-(\w+)"', page)
    assert {name for _, name in found} == set(COLUMNS)
    assert found[0][1] == "false_alarms"
    curve = next(c for c in curves(lines) if (c.metric, c.arm) == ("calls_per_case", "relatives"))
    assert curve.values == (0.6, 0.8)
    some = [line["arms"]["relatives"] for line in lines if 0.6 in line["values"].values()]
    total, n = (sum(value) for value in zip(*((one["calls_per_case"]["total"], one["n"]) for one in some), strict=True))
    assert curve.figures[0].value == total / n


def test_the_page_can_be_made_again_from_its_folder_alone(tmp_path: Path) -> None:
    page, _ = page_of(tmp_path)
    (tmp_path / "sweep.yaml").unlink()
    moved = (tmp_path / "out").rename(tmp_path / "moved")
    (moved / "report.html").unlink()
    found = CliRunner().invoke(app, ["report", str(moved), "--figures", "svg"])
    assert found.exit_code == 0, found.output
    assert (moved / "report.html").read_text(encoding="utf-8") == page
    names = {path.name for path in (moved / "figures").iterdir()}
    assert {"chart-pareto-minutes_per_case.svg", "graph-1.svg", "chart-response-0-helpful.svg"} <= names
