"""Sweeps: every setting once, resumable, failures told, winners not flattered."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

import hierarchy.topology
from constitutions.errors import InputError
from experiments.cli import app
from experiments.config import load_experiment
from experiments.lab.arms import arms_of
from experiments.lab.commands import simulate_arms
from experiments.lab.contrasts import contrasts, pooled_contrasts
from experiments.lab.plan import Point, load_sweep, points
from experiments.lab.sweep import Sweeper
from experiments.metrics.pareto import front
from tests.experiments.commands import CONFIGS

TOPOLOGIES = Path(hierarchy.topology.__file__).parent / "topologies"
SMALL = """
name: small
config: lab.yaml
grid:
  dataset.size: [1500]
  "agents.critic_a.model.sensitivity, agents.critic_b.model.sensitivity": [0.6, 0.8]
seeds: [1, 2]
"""


HALVING = """
name: halves
config: lab.yaml
grid: {"agents.critic_a.model.sensitivity, agents.critic_b.model.sensitivity": [0.3, 0.5, 0.7, 0.95]}
search: halving
topologies: [panel]
"""


def sized(folder: Path, size: int) -> None:
    """The shipped config with so many cases, beside the sweep."""
    config = (CONFIGS / "lab.yaml").read_text(encoding="utf-8")
    (folder / "lab.yaml").write_text(config.replace("size: 200000", f"size: {size}"), encoding="utf-8")


def write(folder: Path, text: str) -> Path:
    path = folder / "sweep.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def run(path: Path, folder: Path) -> list[dict]:
    return Sweeper(load_sweep(path), path.parent, folder).run()


def table(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "out" / "results.csv").read_text(encoding="utf-8").splitlines()))


def test_every_combination_is_run_with_every_seed(tmp_path: Path) -> None:
    lines = run(write(tmp_path, SMALL), tmp_path / "out")
    assert len(lines) == 4
    assert len({json.dumps([line["values"], line["seed"]]) for line in lines}) == 4
    assert {line["cases"] for line in lines} == {1500}
    rows = table(tmp_path)
    assert len(rows) == 8  # two arms each
    missed = {(row["arm"], row["seed"], row[list(row)[1]]): float(row["missed_violations"]) for row in rows}
    assert missed["relatives", "1", "0.8"] < missed["relatives", "1", "0.6"]
    assert missed["strong", "1", "0.8"] == missed["strong", "1", "0.6"]  # common random numbers


def test_a_sweep_goes_on_where_it_stopped_and_a_torn_line_is_measured_again(tmp_path: Path) -> None:
    path, out = write(tmp_path, SMALL), tmp_path / "out"
    whole = run(path, out)
    text = (out / "points.jsonl").read_text().splitlines(keepends=True)
    (out / "points.jsonl").write_text("".join(text[:2]) + text[2][:40])
    assert sorted(run(path, out), key=lambda x: x["id"]) == sorted(whole, key=lambda x: x["id"])
    kept = (out / "points.jsonl").read_text().splitlines(keepends=True)
    assert kept[:2] == text[:2]
    assert len(kept) == 4


def test_a_setting_that_fails_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    text = (
        "name: bad\nconfig: lab.yaml\ntopologies: [single]\n"
        "grid:\n  dataset.size: [500]\n  agents.critic.model.sensitivity: [0.5, 7.0]\n"
    )
    result = CliRunner().invoke(app, ["sweep", str(write(tmp_path, text)), "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "failed: {" in result.stdout.replace("\n", " ")
    rows = table(tmp_path)
    assert [bool(row["failed"]) for row in rows] == [False, True]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("grid: {agents.critic.model.wisdom: [1]}", "wisdom"),
        ("grid: {nosuch.key: [1]}", "nosuch"),
        ("config: demo.yaml", "a sweep takes `simulated`"),
        ("config: absent.yaml", "no such file beside the sweep"),
        ("grid: {seed: [1, 2]}", "every setting is run with each of `seeds`"),
        ("grid: {auditor.budget: []}", "grid"),
        ("grid: {auditor.budget: [5, 5]}", "5 is given 2 times"),
        ("grid: {auditor.minutes: [1.0, .nan]}", "expected finite numbers"),
        ("grid: {'auditor.budget, auditor.budget': [5]}", "swept twice"),
        ("grid: {auditor.minutes: [1.0]}\nrandom: {auditor.minutes: {low: 1, high: 2}}", "swept twice"),
        ("seeds: [1, 1]", "1 is given 2 times"),
        ("seeds: [-1]", "-1 is not accepted"),
        ("draws: 5", "nothing is drawn"),
        ("search: halving\ngrid: {dataset.size: [10, 20]}", "decides how many cases"),
        ("search: sequential\ngrid: {dataset.size: [10, 20]}", "decides how many cases"),
        ("random: {auditor.minutes: {low: 2, high: 1}}", "expected low below high"),
        ("random: {auditor.minutes: {low: 0, high: 1, log: true}}", "with `log` expected a number > 0"),
        ("random: {auditor.budget: {low: 0.5, high: 4, whole: true}}", "expected whole numbers"),
        ("grid: {auditor.budget: [-5, -6]}", "auditor.budget: -5 is not accepted"),
        ("speed: 3", "speed"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(line: str, says: str, tmp_path: Path) -> None:
    config = "" if line.startswith("config") else "config: lab.yaml\n"
    path, out = write(tmp_path, f"name: x\n{config}{line}\n"), tmp_path / "out"
    result = CliRunner().invoke(app, ["sweep", str(path), "--out", str(out)])
    assert result.exit_code == 2, result.output
    assert says in result.stderr
    assert not out.exists()


def test_a_folder_of_another_sweep_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(write(tmp_path, SMALL), out)
    before = (out / "points.jsonl").read_bytes()
    path = write(tmp_path, SMALL.replace("0.8", "0.9"))
    result = CliRunner().invoke(app, ["sweep", str(path), "--out", str(out)])
    assert result.exit_code == 2
    assert "holds another sweep" in result.stderr
    assert (out / "points.jsonl").read_bytes() == before


def test_halving_keeps_the_better_half_and_measures_the_winner_on_fresh_cases(tmp_path: Path) -> None:
    sized(tmp_path, 20_000)
    lines = run(write(tmp_path, HALVING), tmp_path / "out")
    sizes = [line["cases"] for line in lines]
    assert sizes == [5_000] * 4 + [10_000] * 2 + [20_000]
    last = lines[-1]
    assert next(v for k, v in last["values"].items() if "sensitivity" in k) == 0.95
    assert last["first"] >= max(line["first"] + line["cases"] for line in lines[:-1])


def test_random_points_are_the_same_for_the_same_sweep_and_within_their_range(tmp_path: Path) -> None:
    text = "name: r\nconfig: lab.yaml\nrandom: {auditor.specificity: {low: 0.001, high: 1.0, log: true}}\ndraws: 200\n"
    drawn = [point.values["auditor.specificity"] for point in points(load_sweep(write(tmp_path, text)))]
    assert drawn == [point.values["auditor.specificity"] for point in points(load_sweep(tmp_path / "sweep.yaml"))]
    assert 0.001 <= min(drawn) < max(drawn) <= 1.0
    assert np.median(drawn) == pytest.approx(0.0316, rel=0.5)


def test_one_value_can_go_to_several_keys() -> None:
    assert Point(values={"a.b, c": 0.5}, seed=3).overrides() == ["a.b=0.5", "c=0.5", "seed=3"]


@pytest.mark.parametrize("seed", range(4))
def test_the_front_is_what_nothing_dominates(seed: int) -> None:
    costs = np.random.default_rng(seed).integers(0, 5, (30, 3)).astype(float)
    for i, here in enumerate(front(costs)):
        beaten = any((c <= costs[i]).all() and (c < costs[i]).any() for c in costs)
        assert here == (not beaten)
    assert front([[1.0, 1.0], [1.0, 1.0], [2.0, float("nan")]]) == [True, True, False]


def test_the_shipped_sweep_says_what_shared_blind_spots_cost(tmp_path: Path) -> None:
    text = (CONFIGS / "blind_spots.yaml").read_text().replace("grid:", "grid:\n  dataset.size: [20000]")
    lines = run(write(tmp_path, text), tmp_path / "out")
    first = [line for line in lines if line["seed"] == 1]
    missed = [line["arms"]["relatives"]["missed_violations"]["value"] for line in first]
    assert missed == sorted(missed)
    assert missed[-1] > missed[0]


def test_constitutions_topologies_budgets_and_seeds_are_swept(tmp_path: Path) -> None:
    text = (
        "name: all\nconfig: lab.yaml\ntopologies: [layers, 'tree:depth=2']\nseeds: [1, 2]\ngrid:\n"
        "  dataset.size: [2000]\n  constitution: [general, harmlessness]\n  auditor.budget: [0, 100]\n"
    )
    lines = run(write(tmp_path, text), tmp_path / "out")
    assert len(lines) == 8
    assert not [line for line in lines if "failed" in line]
    found = {
        (line["values"]["constitution"], line["values"]["auditor.budget"], line["seed"], arm): rates
        for line in lines
        for arm, rates in line["arms"].items()
    }
    assert {key[3] for key in found} == {"layers", "tree:depth=2"}
    for (constitution, budget, seed, arm), rates in found.items():
        assert rates["audited"]["count"] <= budget
        assert (rates["audited"]["count"] > 0) == (budget > 0)
        if constitution == "general":  # fewer principles, fewer answers that violate one
            wide = found["harmlessness", budget, seed, arm]
            assert rates["first_violating"]["count"] < wide["first_violating"]["count"]
        if seed == 1:
            assert rates["calls_per_case"]["total"] != found[constitution, budget, 2, arm]["calls_per_case"]["total"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Missed violations by constitution" in page
    assert "Missed violations by auditor.budget" in page


def test_halving_keeps_the_more_helpful_where_more_is_better(tmp_path: Path) -> None:
    sized(tmp_path, 4_000)
    text = HALVING.replace("[0.3, 0.5, 0.7, 0.95]", "[0.1, 0.95]")
    lines = run(write(tmp_path, text + "metric: helpful\n"), tmp_path / "out")
    first = lines[:2]
    best = max(first, key=lambda line: line["arms"]["panel"]["helpful"]["value"])
    assert lines[-1]["values"] == best["values"]


def test_halving_ranks_a_setting_by_all_its_seeds(tmp_path: Path) -> None:
    sized(tmp_path, 8_000)
    lines = run(write(tmp_path, HALVING + "seeds: [1, 2]\n"), tmp_path / "out")
    assert [line["cases"] for line in lines] == [1_000] * 8 + [2_000] * 4 + [8_000] * 2
    assert [line["seed"] for line in lines] == [1, 2] * 7
    last, means = [json.dumps(line["values"]) for line in lines[-2:]], {}
    for line in lines[8:12]:
        means.setdefault(json.dumps(line["values"]), []).append(line["arms"]["panel"]["missed_violations"]["value"])
    assert last == [min(means, key=lambda key: sum(means[key]))] * 2


def test_an_arm_that_fails_is_told_and_the_other_arms_are_finished(tmp_path: Path) -> None:
    """There is no such graph as one of them, and words cannot carry another."""
    sized(tmp_path, 500)
    single = (TOPOLOGIES / "single.yaml").read_text(encoding="utf-8")
    several = str(tmp_path / "several.yaml")
    Path(several).write_text(single.replace("role: base", "role: base, candidates: 3", 1), encoding="utf-8")
    arms = f"topologies: [single, nosuch, {several}]\ngrid: {{agents.critic.model.sensitivity: [0.5, 0.6]}}\n"
    path = write(tmp_path, f"name: arms\nconfig: lab.yaml\n{arms}")
    found = CliRunner().invoke(app, ["sweep", str(path), "--out", str(tmp_path / "out")])
    assert found.exit_code == 1, found.output
    said = " ".join(found.stdout.split())
    assert "nosuch: graph 'nosuch': no such file" in said
    assert "several candidates, which cases without text lack" in said
    rows = table(tmp_path)
    assert [(row["arm"], bool(row["failed"])) for row in rows] == 2 * [
        ("nosuch", True),
        (several, True),
        ("single", False),
    ]
    assert "no such file" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    wrong = write(tmp_path, f"name: none\nconfig: lab.yaml\n{arms}".replace(f"single, nosuch, {several}", "nosuch"))
    found = CliRunner().invoke(app, ["sweep", str(wrong), "--out", str(tmp_path / "none")])
    assert found.exit_code == 2
    assert not (tmp_path / "none").exists()


def test_a_sequential_search_goes_on_without_the_arm_that_failed(tmp_path: Path) -> None:
    sized(tmp_path, 600)
    text = (
        "name: seq\nconfig: lab.yaml\ntopologies: [single, labels]\nsearch: sequential\nlooks: 3\n"
        "grid: {agents.critic.model.sensitivity: [0.5, 9.0, 0.6]}\n"
    )
    lines = run(write(tmp_path, text), tmp_path / "out")
    assert ["failed" in line for line in lines] == [False, True, False]
    assert [sorted(line.get("failed_arms", {})) for line in lines] == [["labels"], [], ["labels"]]
    assert [list(line.get("arms", {})) for line in lines] == [["single"], [], ["single"]]


def test_a_wrong_value_fails_its_setting_wherever_it_stands(tmp_path: Path) -> None:
    for number, values in enumerate(("[7.0, 0.5]", "[0.5, 7.0]")):
        grid = f"grid:\n  dataset.size: [500]\n  agents.critic.model.sensitivity: {values}\n"
        text = f"name: x\nconfig: lab.yaml\ntopologies: [single]\n{grid}"
        out = tmp_path / str(number)
        found = CliRunner().invoke(app, ["sweep", str(write(tmp_path, text)), "--out", str(out)])
        assert found.exit_code == 1, found.output
        assert (out / "results.csv").read_text(encoding="utf-8").count("expected a number from 0 to 1") == 1


def test_a_changed_config_or_graph_does_not_go_on_with_the_old_results(tmp_path: Path) -> None:
    """Else settings measured before and after would stand side by side as one sweep."""
    sized(tmp_path, 500)
    (tmp_path / "mine.yaml").write_text((TOPOLOGIES / "single.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    path = write(tmp_path, f"name: x\nconfig: lab.yaml\ntopologies: ['{tmp_path / 'mine.yaml'}']\n")
    run(path, tmp_path / "out")
    before = (tmp_path / "out" / "points.jsonl").read_bytes()
    (tmp_path / "mine.yaml").write_text((TOPOLOGIES / "panel.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(InputError, match=r"graphs\.json differs"):
        run(path, tmp_path / "out")
    (tmp_path / "mine.yaml").write_text((TOPOLOGIES / "single.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    sized(tmp_path, 501)
    with pytest.raises(InputError, match=r"config\.yaml differs"):
        run(path, tmp_path / "out")
    assert (tmp_path / "out" / "points.jsonl").read_bytes() == before


def test_arms_of_a_setting_are_compared_case_by_case(tmp_path: Path) -> None:
    """The sweep's differences are those of `oversight compare`, with Holm's correction over all settings."""
    sized(tmp_path, 3_000)
    text = "name: x\nconfig: lab.yaml\ngrid: {auditor.budget: [0, 50]}\nseeds: [11]\n"
    found = pooled_contrasts(run(write(tmp_path, text), tmp_path / "out"))
    assert len(found) == 2
    for row, budget in zip(found, (0, 50), strict=True):
        spec = load_experiment(tmp_path / "lab.yaml", [f"auditor.budget={budget}"])
        alone = contrasts(simulate_arms(spec, arms_of(spec, []), None), "missed_violations", [("strong", "relatives")])
        assert {key: row[key] for key in alone[0] if key != "p_holm"} == {
            key: value for key, value in alone[0].items() if key != "p_holm"
        }
        assert row["p_holm"] >= row["p"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Paired differences" in page
    assert f"{found[0]['only_a']:,} / {found[0]['only_b']:,}" in page
    assert "detectable" in (tmp_path / "out" / "data" / "differences.csv").read_text(encoding="utf-8")
    assert "size: 3000" in page  # the config


def test_whole_numbers_are_drawn_evenly_with_both_ends(tmp_path: Path) -> None:
    text = "name: w\nconfig: lab.yaml\nrandom: {auditor.budget: {low: 0, high: 4, whole: true}}\ndraws: 1000\n"
    drawn = [point.values["auditor.budget"] for point in points(load_sweep(write(tmp_path, text)))]
    assert {type(value) for value in drawn} == {int}
    counts = np.bincount(drawn, minlength=5)
    assert len(counts) == 5
    assert stats.chisquare(counts).pvalue > 1e-3
