"""Settings leave a sequential sweep when they are beaten, and by chance at most as often as was declared."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats
from typer.testing import CliRunner

from experiments.cli import app
from experiments.lab.plan import load_sweep
from experiments.lab.race import Race
from experiments.lab.sweep import Sweeper
from experiments.statistics import share_sequence, worse_evidence

NULL = """
name: null_{number}
config: lab.yaml
topologies: [single]
grid:
  dataset.override: [0.0]
  agents.critic.stream: [a{number}, b{number}, c{number}]
seeds: [{number}]
search: sequential
looks: 5
alpha: 0.2
"""
PAIRS = np.tril_indices(5, -1)
REAL = """
name: real
config: lab.yaml
topologies: [single]
grid:
  agents.critic.model.sensitivity: [0.3, 0.6, 0.9, 0.92]
seeds: [1, 2]
search: sequential
looks: 10
"""


def small(folder: Path, text: str, size: int) -> Sweeper:
    """A sweep over so many cases a setting."""
    config = (Path(__file__).parents[3] / "experiments" / "configs" / "lab.yaml").read_text(encoding="utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lab.yaml").write_text(config.replace("size: 200000", f"size: {size}"), encoding="utf-8")
    (folder / "sweep.yaml").write_text(text, encoding="utf-8")
    return Sweeper(load_sweep(folder / "sweep.yaml"), folder, folder / "out")


def test_evidence_is_the_one_sided_mixture() -> None:
    whole, _ = integrate.quad(lambda p: p**7 * (1 - p) ** 2, 0.5, 1)
    assert float(worse_evidence(7, 2)) == pytest.approx(np.log(2 * whole * 2**9))
    assert float(worse_evidence(2, 7)) < 0 < float(worse_evidence(20, 2))
    expected = sum(stats.binom.pmf(k, 12, 0.5) * np.exp(worse_evidence(k, 12 - k)) for k in range(13))
    assert expected == pytest.approx(1.0)


def test_under_the_null_some_setting_leaves_at_most_as_often_as_declared_and_naive_looks_are_not_so() -> None:
    """400 families of five equal settings that share cases, thirty looks each."""
    rng = np.random.default_rng(7)
    families, alpha, wrong, naive = 400, 0.1, 0, 0
    names = tuple("vwxyz")
    for _ in range(families):
        race, fooled = Race(names, alpha), False
        for _ in range(30):
            hard = rng.random(60) < 0.5
            flags = {name: hard & (rng.random(60) < 0.4) for name in names}
            race.look({name: flags[name] for name in race.running})
            if race.left:
                break
            only, other = race.only[PAIRS], race.only.T[PAIRS]
            p = 2 * stats.binom.sf(np.maximum(only, other) - 1, only + other, 0.5)  # McNemar's exact test
            fooled = fooled or bool(p.min() * len(p) <= alpha)
        wrong += bool(race.left)
        naive += fooled
    assert wrong / families <= alpha
    assert naive / families > 1.3 * alpha  # Bonferroni over the pairs, but none over the looks


def test_a_worse_setting_leaves_soon_and_the_best_stays() -> None:
    rng = np.random.default_rng(8)
    race = Race(("bad", "good", "middling"), 0.05)
    rates = {"bad": 0.5, "good": 0.1, "middling": 0.2}
    for _ in range(40):
        race.look({name: rng.random(100) < rates[name] for name in race.running})
    assert race.running == ["good"]
    assert race.left["bad"].cases < race.left["middling"].cases
    assert race.left["middling"].by == "good"
    with pytest.raises(ValueError, match="flags are needed of good"):
        race.look({"bad": np.ones(3, bool)})


def test_an_interval_of_a_share_holds_at_all_looks_at_once() -> None:
    rng = np.random.default_rng(9)
    looks, misses = np.unique(np.geomspace(20, 4000, 25).astype(int)), 0
    for _ in range(300):
        counts = np.cumsum(rng.random(4000) < 0.1)
        found = [share_sequence(int(counts[n - 1]), int(n)) for n in looks]
        misses += any(not one.low <= 0.1 <= one.high for one in found)
    assert misses / 300 <= 0.05
    assert share_sequence(0, 50).low == 0.0
    assert share_sequence(50, 50).high == 1.0


def test_null_sweeps_by_the_engine_lose_a_setting_at_most_as_often_as_declared(tmp_path: Path) -> None:
    """Three critics that differ in their random stream alone: the whole command's machinery, small."""
    sweeps = 40
    wrong = 0
    for number in range(sweeps):
        lines = small(tmp_path / str(number), NULL.format(number=number), 1000).measured()
        wrong += any(line["left"] for line in lines)
    assert stats.binom.sf(wrong - 1, sweeps, 0.2) > 0.01


def test_a_sequential_sweep_tells_who_left_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    sweeper = small(tmp_path, REAL, 4000)
    lines = sweeper.run()
    size = {line["values"]["agents.critic.model.sensitivity"]: line["cases"] for line in lines}
    assert size[0.3] < size[0.9] <= 4000
    out = tmp_path / "out"
    rows = list(csv.DictReader((out / "results.csv").read_text(encoding="utf-8").splitlines()))
    left = {row["agents.critic.model.sensitivity"]: row["beaten_by"] for row in rows}
    assert left["0.3"]
    assert not left["0.92"] or not left["0.9"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "left after" in page
    text = (out / "points.jsonl").read_text().splitlines(keepends=True)
    (out / "points.jsonl").write_text("".join(text[:5]) + text[5][:30])
    assert sweeper.run() == lines
    assert json.loads((out / "points.jsonl").read_text().splitlines()[-1])["id"] == json.loads(text[-1])["id"]


def test_counts_of_a_setting_are_those_of_its_cases_in_one_go(tmp_path: Path) -> None:
    """Blocks with their share of a budget that covers the queue give the counts of one pass."""
    text = REAL.replace("seeds: [1, 2]", "seeds: [1]").replace("[0.3, 0.6, 0.9, 0.92]", "[0.9, 0.91]")
    sweeper = small(tmp_path / "parts", text, 2000)
    whole = small(tmp_path / "whole", text.replace("search: sequential\nlooks: 10\n", ""), 2000)
    for line, other in zip(sweeper.measured(), whole.measured(), strict=True):
        one, two = line["arms"]["single"], other["arms"]["single"]
        assert one["n"] == two["n"] == 2000
        for name in ("missed_violations", "false_alarms", "helpful"):
            assert one[name]["count"] == two[name]["count"]
            assert one[name]["high"] > two[name]["high"]


@pytest.mark.parametrize(
    ("line", "says"),
    [("metric: calls_per_case", "metric"), ("alpha: 1.5", "alpha"), ("looks: 0", "looks")],
)
def test_a_mistake_names_the_key(line: str, says: str, tmp_path: Path) -> None:
    sweep = tmp_path / "sweep.yaml"
    sweep.write_text(f"name: x\nconfig: lab.yaml\nsearch: sequential\n{line}\n", encoding="utf-8")
    found = CliRunner().invoke(app, ["sweep", str(sweep), "--out", str(tmp_path / "out")])
    assert found.exit_code == 2
    assert says in found.stderr
