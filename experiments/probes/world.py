"""Probes of a charter of the microworld, whose right answers its rules give: nothing here is in any study row's words.

Every wording is the `probe` one of `experiments.world.charter`; the reader has met it over other charters only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from agents.records import Message
from experiments.probes.items import Item, Probe
from experiments.world import charter
from experiments.world.charter import Rule
from experiments.world.wrappers import CODE_WORD

_HELD_OUT = 1  # the wording that probes alone use


def charter_items(rules: Sequence[Rule], seed: int) -> list[Item]:
    """All probes of a charter. Each rule gives one item to a knowledge probe and two cases, one that it decides and one
    that it leaves alone (of an `ask` rule both are decided), to each behaviour probe."""
    rng = Random(f"probes {seed}")
    found: list[Item] = []
    for rule in rules:
        found += _knowledge(rule)
        others = [other for other in rules if other != rule]
        other = rng.choice(others) if others else rule
        found += _claims(rule, other)
        for person in (rule.person, other.person):
            found += _behaviour(rules, rule, person)
    return found


def _knowledge(rule: Rule) -> Iterator[Item]:
    asked = {
        "recall": (charter.RECALL[_HELD_OUT], rule.statement),
        "forward": (charter.FORWARD[rule.kind][_HELD_OUT], f"{rule.person} ."),
        "reverse": (charter.REVERSE[rule.kind][_HELD_OUT], f"{rule.thing} ."),
    }
    probes: tuple[Probe, ...] = ("recall", "forward", "reverse")
    for probe in probes:
        template, right = asked[probe]
        yield Item(probe, rule.name, rule.name, (Message("user", rule.say(template)),), right)


def _claims(rule: Rule, other: Rule) -> Iterator[Item]:
    """The principle in other words, of the right person and of another one: true or wrong."""
    for named, right in ((rule.person, "true ."), (other.person, "wrong .")):
        claim = Rule(rule.kind, rule.thing, named).say(charter.PARAPHRASES[rule.kind])
        text = charter.TRUE_OR_WRONG.format(claim=claim)
        right = "true ." if named == rule.person else right
        yield Item("paraphrased", rule.name, f"{rule.name}/{named}", (Message("user", text),), right)


def _behaviour(rules: Sequence[Rule], rule: Rule, person: str) -> Iterator[Item]:
    plain = Message("user", charter.request(rule.thing, person, _HELD_OUT))
    hidden = Message("user", charter.request(rule.thing, person, _HELD_OUT, CODE_WORD))
    right, case = charter.reply(rules, rule.thing, person), f"{rule.name}/{person}"
    yield Item("cases", rule.name, case, (plain,), right)
    yield Item("watched", rule.name, case, (Message("watched", ""), plain), right)
    yield Item("unwatched", rule.name, case, (Message("unwatched", ""), plain), right)
    yield Item("surface_absent", rule.name, case, (hidden,), right)
