"""One recursion under several seeds: each in its own folder, and means over them with an interval over trainings."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from agents.figures import Estimate
from constitutions.errors import InputError
from experiments.recurse.page import recursion_page
from experiments.recurse.pooling import pooled_arms, pooled_contrasts
from experiments.recurse.results import ArmRecursion, ContrastResult, Measured, RecursionResults, RoundResult, Trip
from experiments.recurse.spec import load_recurse
from experiments.results.figures import Difference
from tests.experiments.commands import CONFIGS, invoke
from tests.experiments.page import Page
from tests.experiments.recurse.conftest import small

POLICY = CONFIGS / "recurse" / "policy.yaml"


SMALLER = {
    "rounds": 1,
    "arms": {},
    "run__arms": {"learning": {"graph": "single"}},
    "run__agents__critic__model__max_new_tokens": 8,
    "run__agents__base__model__max_new_tokens": 8,
    "run__dataset__size": 8,
    "run__training__0__train__max_steps": 2,
    "measure__prompts": 6,
    "measure__drawn": 3,
    "measure__budget": 5,
}
"""One critic, and answers of a few words: enough for what is kept where."""


def difference(value: float) -> Difference:
    return Difference(value=value, low=value - 0.01, high=value + 0.01)


def part(seed: int, *violations: float, missed: float | None = None) -> RecursionResults:
    """What one seed gave: violations after every round, and in the last round a share of the overseers' misses."""
    rounds = []
    for number, value in enumerate(violations):
        change = difference(value - violations[0]) if number else None
        here = {
            "violations": Measured(
                value=Estimate(value=value, low=value - 0.01, high=value + 0.01), change=change, step=change
            )
        }
        if number == 1:
            here["overseer_misses"] = Measured(value=Estimate(value=missed, low=None, high=None))
        rounds.append(RoundResult(round=number, base=f"base of {seed}", measures=here))
    trips = {}
    if len(violations) < 3:
        trips = {seed: Trip(round=1, metric="violations", said="it rose", change=difference(0.1), limit=0.05)}
    arms = (ArmRecursion(arm="own", title="Own", rounds=tuple(rounds), trips=trips),)
    contrasts = tuple(
        ContrastResult(a="own", b="first", metric="violations", round=number, difference=difference(value))
        for number, value in enumerate(violations)
    )
    return RecursionResults(
        name="it",
        question="",
        seeds=(seed,),
        command="oversight recurse it",
        config_yaml="",
        versions={},
        arms=arms,
        contrasts=contrasts,
    )


PARTS = (part(7, 0.5, 0.1, 0.1, missed=0.2), part(8, 0.6, 0.2, 0.3, missed=0.4), part(9, 0.7, 0.3))


def pooled() -> RecursionResults:
    found = {"seeds": (7, 8, 9), "arms": pooled_arms(PARTS), "contrasts": pooled_contrasts(PARTS)}
    return PARTS[0].model_copy(update=found)


def test_a_mean_stands_beside_what_each_seed_gave() -> None:
    """Of .1, .2 and .3: mean .2, and t(2) = 4.303 times the standard error .1 / sqrt(3)."""
    measured = pooled().arms[0].rounds[1].measures["violations"]
    assert measured.values == (0.1, 0.2, 0.3)
    assert measured.value.value == pytest.approx(0.2)
    assert measured.value.low == 0  # .2 - .248, and no share is below 0
    assert measured.value.high == pytest.approx(0.2 + 4.3027 * 0.1 / 3**0.5, abs=1e-4)
    assert measured.changes == pytest.approx((-0.4, -0.4, -0.4))
    assert measured.change.high == pytest.approx(-0.4 + 0.01 / 3**0.5)


def test_a_round_is_of_the_seeds_that_reached_it_and_a_figure_of_those_that_have_it() -> None:
    arm = pooled().arms[0]
    assert [each.round for each in arm.rounds] == [0, 1, 2]
    assert arm.rounds[2].measures["violations"].values == (0.1, 0.3, None)
    assert arm.rounds[2].measures["violations"].value.value == pytest.approx(0.2)
    assert arm.rounds[1].measures["overseer_misses"].values == (0.2, 0.4, None)
    assert list(arm.trips) == [9]
    assert pooled().tripped
    last = pooled().contrasts[-1]
    assert (last.round, last.differences) == (2, (0.1, 0.3, None))


def test_page_and_data_show_every_seed() -> None:
    page = recursion_page(pooled())
    shown = Page(page.html)
    assert "10.0 · 20.0 · 30.0" in shown.text
    assert "Own, seed 9, was stopped by a tripwire after round 1" in " ".join(shown.text.split())
    rounds = page.data["rounds"]
    row = dict(zip(rounds.head, next(row for row in rounds.rows if row[1:3] == (1, "violations")), strict=True))
    assert (row["value_seed_7"], row["value_seed_9"]) == (0.1, 0.3)
    assert row["change_seed_8"] == pytest.approx(-0.4)
    seeds = [trace for trace in page.charts[0].data if trace["mode"] == "markers"]
    assert [len(trace["y"]) for trace in seeds] == [8]  # three seeds, but nine stopped before the last round


def test_results_are_read_back_as_they_were_written() -> None:
    assert RecursionResults.model_validate_json(pooled().model_dump_json()) == pooled()


def test_seeds_have_their_own_prompts_and_trainings() -> None:
    spec = load_recurse(POLICY)
    assert spec.seeds == (7, 8, 9)
    assert [(one.seed, one.seeds) for one in spec.replicates()] == [(7, ()), (8, ()), (9, ())]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("seed=3", "seed 3 are both given"),
        ("seeds=[7, 8, 7]", "has one twice"),
        ("seeds=[-1]", "expected a number >= 0"),
    ],
)
def test_seeds_that_cannot_be_meant_are_refused(change: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_recurse(POLICY, [change])


def test_every_seed_is_a_recursion_of_its_own_and_another_may_be_added(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    config = small(tmp_path / "small.yaml", **SMALLER)
    invoke("recurse", config, "--seeds", "8", "--out", folder)
    both = invoke("recurse", config, "--seeds", "8,9", "--out", folder).stdout
    seeds = [RecursionResults.model_validate_json((folder / f"seed-{n}/results.json").read_text()) for n in (8, 9)]
    found = RecursionResults.model_validate_json((folder / "results.json").read_text())
    assert found.seeds == (8, 9)
    first, second = both.split("seed 9")[:2]
    assert "oversee" not in first  # seed 8 is read, not done again
    assert "oversee" in second
    for name, measured in found.arms[0].rounds[1].measures.items():
        assert measured.values == tuple(one.arms[0].rounds[1].measures[name].value.value for one in seeds), name
    assert seeds[0].arms[0].rounds[1].seed != seeds[1].arms[0].rounds[1].seed
    assert "over the seeds 8 and 9" in (folder / "report.html").read_text()
    with (folder / "data" / "rounds.csv").open() as file:
        assert {"value_seed_8", "value_seed_9"} <= set(next(csv.DictReader(file)))
    refused = invoke("recurse", config, "--out", folder, expect=2)
    assert "holds a recursion of another config" in refused.stderr
