"""One page for several runs and comparisons: differences only between arms that saw the same cases."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from experiments.cli import app
from experiments.config import load_experiment
from experiments.exhibits import folder_page, labels
from experiments.report.several import differing
from experiments.results.run import read_results
from experiments.run import run_experiment
from tests.experiments.commands import CONFIGS
from tests.experiments.page import Page, numbers

CASES = 600


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs on the same cases with other critics, one with another seed, and two comparisons."""
    folder = tmp_path_factory.mktemp("side")
    same = [f"dataset.size={CASES}", "seed=5", "auditor.budget=20"]
    other = {"weak": [], "strong": ["agents.critic.model.sensitivity=0.95"], "elsewhere": ["seed=6"]}
    for name, sets in other.items():
        run_experiment(load_experiment(CONFIGS / "simulated.yaml", [*same, *sets]), folder / name)
    for name, graphs in {"few": ["single", "panel"], "more": ["single", "debate"]}.items():
        words = ["compare", *graphs, "--size", "2000", "--out", str(folder / name), "--json"]
        assert CliRunner().invoke(app, words).exit_code == 0
    return folder


def read(folder: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "data" / f"{name}.csv").read_text(encoding="utf-8").splitlines()))


def test_arms_of_runs_on_the_same_cases_are_compared_case_by_case(runs: Path, tmp_path: Path) -> None:
    words = ["report", str(runs / "weak"), str(runs / "strong"), str(runs / "elsewhere"), "--out", str(tmp_path)]
    found = CliRunner().invoke(app, words)
    assert found.exit_code == 0, found.output
    rows = {(row["a"], row["b"]): row for row in read(tmp_path, "across")}
    assert len(rows) == 9  # three arms against three: the third run saw other cases
    assert not [pair for pair in rows if "elsewhere" in " ".join(pair)]
    tables = {name: pq.read_table(runs / name / "data" / "marks.parquet").to_pandas() for name in ("weak", "strong")}
    flags = {
        name: t[t.arm == "single"].sort_values("case_id").missed_violations.to_numpy() for name, t in tables.items()
    }
    row = rows["weak/single", "strong/single"]
    assert float(row["difference"]) == pytest.approx(flags["weak"].mean() - flags["strong"].mean())
    assert int(row["only_a"]) == int(np.sum(flags["weak"] & ~flags["strong"]))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Not paired: weak, strong against elsewhere" in page


def test_marks_are_the_rates_of_the_results(runs: Path) -> None:
    table = pq.read_table(runs / "weak" / "data" / "marks.parquet").to_pandas()
    for arm in read_results(runs / "weak").arms:
        assert int(table[table.arm == arm.arm].missed_violations.sum()) == arm.missed.total.count
        assert len(table[table.arm == arm.arm]) == arm.n


def test_every_figure_on_the_page_is_that_of_its_run(runs: Path) -> None:
    page = Page(folder_page([runs / "weak", runs / "elsewhere"], "missed_violations").html)
    for name in ("weak", "elsewhere"):
        for arm in read_results(runs / name).arms:
            rate = arm.missed.total
            expected = [100 * rate.value, 100 * rate.low, 100 * rate.high, rate.count, rate.n]
            assert numbers(page.cells[f"arms.{name}/{arm.arm}.missed_violations"]) == pytest.approx(
                expected, abs=0.0501
            )
    assert "across" not in "".join(page.cells)
    hrefs = [value for _, key, value in page.attributes if key == "href" and not value.startswith("#")]
    assert hrefs
    assert {Path(value).stem for value in hrefs} == set(
        folder_page([runs / "weak", runs / "elsewhere"], "missed_violations").data
    )
    ids = {value for _, key, value in page.attributes if key == "id"}
    assert {v[1:] for _, key, v in page.attributes if key == "href" and v.startswith("#")} <= ids


def test_a_comparison_has_a_page_with_its_differences_and_credit(runs: Path) -> None:
    folder = runs / "few"
    assert CliRunner().invoke(app, ["credit", str(folder), "--arm", "panel"]).exit_code == 0
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    (row,) = read(folder, "comparisons")
    counts = [json.loads(line) for line in (folder / "spans.jsonl").read_text().splitlines()]
    pairs = [p for line in counts for p in line["pairs"] if p[:3] == ["single", "panel", "missed_violations"]]
    only_a, only_b = (sum(p[i] for p in pairs) for i in (4, 5))
    assert numbers(page.cells["own.0.discordant"]) == [only_a, only_b]
    assert float(row["difference"]) == pytest.approx((only_a - only_b) / 2000)
    parts = {r["overseer"]: r for r in read(folder, "credit") if r["part"] == "shapley"}
    for critic in ("critic_a", "critic_b", "critic_c"):
        shown = numbers(page.cells[f"credit.panel.missed_violations.{critic}.shapley"])
        assert shown[0] == pytest.approx(100 * float(parts[critic]["value"]), abs=0.00501)
    found = CliRunner().invoke(app, ["report", str(folder), "--figures", "svg"])
    assert found.exit_code == 0, found.output
    assert {"chart-shares.svg", "chart-credit-0.svg", "graph-2.svg"} <= {p.name for p in (folder / "figures").iterdir()}


def test_runs_and_comparisons_stand_on_one_page_and_say_what_is_not_paired(runs: Path) -> None:
    html = folder_page([runs / "few", runs / "more"], "missed_violations").html
    assert "is not kept for every case" in html
    mixed = folder_page([runs / "weak", runs / "few"], "missed_violations")
    assert "Not paired: weak against few" in mixed.html
    assert {row[0] for row in mixed.data["arms"].rows} == {"weak", "few"}


def test_configs_are_told_where_they_differ(runs: Path) -> None:
    page = folder_page([runs / "weak", runs / "strong"], "missed_violations")
    told = {row[0]: row[1:] for row in page.data["configs"].rows}
    assert told == {"agents.critic.model.sensitivity": ("0.7", "0.95")}
    assert differing([]) == {}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere"], "no results.json"),
        (["weak", "weak"], "every folder once"),
        (["weak", "strong", "--metric", "charm"], "--metric is 'charm'"),
    ],
)
def test_a_mistake_is_one_line(runs: Path, tmp_path: Path, words: list[str], says: str) -> None:
    there = [str(runs / word) if word in ("weak", "strong", "nowhere") else word for word in words]
    found = CliRunner().invoke(app, ["report", *there, "--out", str(tmp_path / "out")])
    assert found.exit_code == 2
    assert says in found.stderr
    assert not (tmp_path / "out").exists()


def test_folders_of_one_name_are_told_apart() -> None:
    assert labels([Path("/a/x/run"), Path("/a/y/run")]) == ["x/run", "y/run"]
