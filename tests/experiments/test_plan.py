"""`oversight plan`: cases for a difference, a difference for cases; and what a finished comparison could have shown."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from experiments.cli import app
from experiments.statistics import compare, detectable_of_counts, mcnemar_of_counts


def answer(*words: str) -> dict[str, float]:
    found = CliRunner().invoke(app, ["plan", *words, "--json"])
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def test_cases_and_difference_answer_each_other() -> None:
    cases = answer("--discordant", "0.2", "--difference", "0.05")["cases"]
    assert cases == 626  # (1.959964 sqrt(.2) + .841621 sqrt(.2 - .0025))^2 / .0025
    found = answer("--discordant", "0.2", "--cases", str(cases))["detectable"]
    assert found == pytest.approx(0.05, abs=1e-4)


def test_the_planned_power_is_had() -> None:
    cases = int(answer("--discordant", "0.3", "--difference", "0.08")["cases"])
    draw = np.random.default_rng(0)
    counts = draw.multinomial(cases, [0.19, 0.11, 0.7], size=4_000)
    found = np.mean([mcnemar_of_counts(a, b) < 0.05 for a, b, _ in counts.tolist()])
    assert 0.74 < found < 0.82  # the exact test is a little conservative


def test_families_and_clusters_need_more() -> None:
    plain = answer("--discordant", "0.2", "--difference", "0.05")["cases"]
    assert answer("--discordant", "0.2", "--difference", "0.05", "--family", "5")["cases"] > 1.3 * plain
    assert answer("--discordant", "0.2", "--difference", "0.05", "--design", "2")["cases"] == pytest.approx(
        2 * plain, abs=1
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "--difference or --cases: give one of them"),
        (["--difference", ".1", "--cases", "5"], "give one of them"),
        (["--difference", ".5"], "discordant is 0.2"),
        (["--cases", "0"], "cases is 0"),
        (["--difference", ".1", "--power", "1"], "power is 1"),
    ],
)
def test_impossible_plans_are_one_line(words: list[str], says: str) -> None:
    found = CliRunner().invoke(app, ["plan", "--discordant", ".2", *words])
    assert found.exit_code == 2
    assert says in found.output


def test_a_comparison_says_what_it_could_detect() -> None:
    draw = np.random.default_rng(1)
    a, b = draw.random(500) < 0.3, draw.random(500) < 0.2
    found = compare("x", ("a", "b"), "missed_violations", a, b)
    assert found.only_a is not None
    assert found.only_b is not None
    assert found.detectable == detectable_of_counts(found.only_a, found.only_b, 500)
    assert compare("x", ("a", "b"), "missed_violations", a, a).detectable is None
