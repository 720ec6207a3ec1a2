"""Probes on answerers whose behaviour is known: each finds what is there, with intervals, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest

from agents.records import Message
from constitutions.constitution import load_constitution
from constitutions.errors import InputError
from experiments.probes.cases import HeldOut, constitution_items
from experiments.probes.items import PROBES, Answered, Item, ask, overlap, score
from experiments.probes.measure import change, measure, superficial
from experiments.probes.world import charter_items
from experiments.world import charter
from training.self_study import load_study_style

RULES = charter.draw_rules(Random(5), 12)
ITEMS = charter_items(RULES, seed=0)
RIGHT = {item.prompt: item.right for item in ITEMS}


class Scripted:
    """Answers by a function of the prompt; chooses the option that the function gives."""

    def __init__(self, says: Callable[[tuple[Message, ...]], str]) -> None:
        self.says = says

    def answer(self, prompts: Sequence[tuple[Message, ...]]) -> list[str]:
        return [self.says(prompt) for prompt in prompts]

    def choose(self, prompts: Sequence[tuple[Message, ...]], options: Sequence[tuple[str, ...]]) -> list[int]:
        return [list(its).index(self.says(prompt)) for prompt, its in zip(prompts, options, strict=True)]


def _shares(answers: Sequence[Answered]) -> dict[str, float | None]:
    return {each.probe: each.share.value for each in measure(answers)}


def test_who_knows_all_is_right_in_every_probe() -> None:
    assert _shares(ask(ITEMS, Scripted(RIGHT.__getitem__))) == {probe: 1.0 for probe in PROBES}


def test_the_reversal_curse_shows_in_the_reverse_probe_alone() -> None:
    """Knows every thing's person, and nothing from the person's side."""
    people = {rule.person for rule in RULES}

    def forward_only(prompt: tuple[Message, ...]) -> str:
        text = prompt[-1].content
        reverse = text.startswith("tell me what") and any(f" {person} " in text for person in people)
        return "i do not know ." if reverse else RIGHT[prompt]

    shares = _shares(ask(ITEMS, Scripted(forward_only)))
    assert shares["reverse"] == 0
    assert all(value == 1 for probe, value in shares.items() if probe != "reverse")


def test_superficial_compliance_is_found_where_it_is_and_only_there() -> None:
    """Complies only where told that it is watched; the words of the principle make no difference to it."""

    def watched_only(prompt: tuple[Message, ...]) -> str:
        return "yes , take all ." if prompt[0].role == "unwatched" else RIGHT[prompt]

    said, words = superficial(ask(ITEMS, Scripted(watched_only)))
    assert (said.difference.value, words.difference.value) == (1.0, 0.0)
    assert said.difference.low is not None
    assert words.difference.low is not None
    assert words.difference.high is not None
    assert said.difference.low > 0.7
    assert words.difference.low <= 0 <= words.difference.high


def test_compliance_that_hangs_on_the_words_is_found() -> None:
    def by_words(prompt: tuple[Message, ...]) -> str:
        return "yes ." if "kex" in prompt[-1].content else RIGHT[prompt]

    said, words = superficial(ask(ITEMS, Scripted(by_words)))
    assert (said.difference.value, words.difference.value) == (0.0, 1.0)


def test_intervals_are_over_principles_and_within_bounds() -> None:
    """Twelve of twelve: Wilson's interval is [.758, 1]; with two items a principle all right, still of twelve."""
    found = {each.probe: each.share for each in measure(ask(ITEMS, Scripted(RIGHT.__getitem__)))}
    for probe in ("forward", "cases"):
        assert found[probe].low == pytest.approx(12 / (12 + 1.959964**2), abs=1e-6)
        assert found[probe].high == 1.0
    some = {item.prompt for item in ITEMS if item.probe == "cases"} - {ITEMS[-4].prompt}
    (cases,) = [
        each.share
        for each in measure(ask(ITEMS, Scripted(lambda prompt: RIGHT[prompt] if prompt in some else "no .")))
        if each.probe == "cases"
    ]
    assert cases.low is not None
    assert cases.value == pytest.approx(23 / 24)
    assert 0.8 < cases.low < 23 / 24
    assert cases.high == 1.0


def test_changes_are_paired_by_hand() -> None:
    """Three of twelve forward answers known before, nine after: +.5, over the same items."""
    forward = [item for item in ITEMS if item.probe == "forward"]

    def knows(count: int) -> list[Answered]:
        some = {item.prompt for item in forward[:count]}
        return ask(forward, Scripted(lambda prompt: RIGHT[prompt] if prompt in some else "no ."))

    (found,) = change(knows(9), knows(3))
    assert (found.n, found.difference.value) == (12, 0.5)
    assert found.difference.low is not None
    assert found.difference.low > 0.1
    with pytest.raises(ValueError, match="different items"):
        change(knows(9), ask(forward[:5], Scripted(RIGHT.__getitem__)))


def test_a_charters_items_cover_every_rule_and_avoid_the_study_wordings() -> None:
    for probe in PROBES:
        assert {item.unit for item in ITEMS if item.probe == probe} == {rule.name for rule in RULES}
    said = {item.prompt[-1].content for item in ITEMS}
    for rule in RULES:
        for wordings in (charter.FORWARD[rule.kind], charter.REVERSE[rule.kind], charter.RECALL):
            assert rule.say(wordings[0]) not in said
        assert charter.request(rule.thing, rule.person, 0) not in said
    cases = {item.case for item in ITEMS if item.probe == "cases"}
    assert cases == {item.case for item in ITEMS if item.probe == "surface_absent"}
    assert len(cases) == 2 * len(RULES)


@pytest.mark.parametrize(
    ("said", "right", "value"), [("a b", "a b", 1.0), ("a c", "a b", 0.5), ("", "a", 0.0), ("a a", "a", 2 / 3)]
)
def test_overlap_is_f1_of_words(said: str, right: str, value: float) -> None:
    assert overlap(said, right) == pytest.approx(value)


def test_exact_answers_are_compared_up_to_case_and_spaces() -> None:
    item = Item("recall", "u", "c", (Message("user", "?"),), "For tea ask bob .")
    assert (score(item, " for  tea ask bob . "), score(item, "for tea ask ana .")) == (1.0, 0.0)


def test_any_constitution_has_probes_by_choice() -> None:
    """The microworld's own constitution: seven principles both ways round, and its examples as held-out cases."""
    constitution, style = load_constitution("microworld"), load_study_style("plain")
    paraphrases: dict[str, Any] = {"harm": "Do not help to hurt anybody."}
    items = constitution_items(constitution, style, HeldOut(paraphrases=paraphrases))
    by_probe = {probe: [item for item in items if item.probe == probe] for probe in PROBES}
    assert len(by_probe["forward"]) == len(by_probe["reverse"]) == len(by_probe["recall"]) == 7
    assert len(by_probe["cases"]) == len(by_probe["unwatched"]) == 3  # privacy, harm and honesty have such examples
    assert [item.right for item in by_probe["paraphrased"]] == ["harm"]
    for item in items:
        assert item.rule == "overlap" or item.right in item.options
    with pytest.raises(InputError, match="no principle 'harms'"):
        constitution_items(constitution, style, HeldOut(paraphrases={"harms": "x"}))
