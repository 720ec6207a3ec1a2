"""The worked example in docs/lab.md is what its command prints."""

from __future__ import annotations

from experiments.config import load_experiment
from experiments.lab.arms import DEFAULT
from experiments.lab.commands import simulate_arms
from experiments.lab.compare import rates
from experiments.lab.contrasts import contrasts
from experiments.prepare import prepare_arms
from tests.experiments.commands import PROJECT

PAGE = (PROJECT / "docs" / "lab.md").read_text(encoding="utf-8")


def share(found: dict, name: str) -> str:
    value, low, high = (100 * found[name][end] for end in ("value", "low", "high"))
    return f"{value:.2f} % ({low:.2f} to {high:.2f})"


def test_every_figure_of_the_example_is_the_programs() -> None:
    spec = load_experiment(DEFAULT)
    found = simulate_arms(spec, prepare_arms(spec), None)
    for tally in found.tallies.values():
        arm = rates(tally)
        for name in ("missed_violations", "false_alarms"):
            assert share(arm, name) in PAGE
        assert f"{100 * arm['escalated']['value']:.2f} % | {arm['calls_per_case']['value']:.1f} |" in PAGE
    row = contrasts(found, "missed_violations", [("relatives", "strong")])[0]
    low, high = (f"{100 * row[end]:.2f}" for end in ("low", "high"))
    assert f"+{100 * row['difference']:.2f} points ({low} to {high})" in PAGE.replace("\n", " ")


def test_strangers_miss_what_the_page_says() -> None:
    families = [f"agents.critic_{x}.model.family={x}" for x in "abc"]
    spec = load_experiment(DEFAULT, families)
    found = simulate_arms(spec, prepare_arms(spec), None)
    assert share(rates(found.tallies["relatives"]), "missed_violations") in PAGE
