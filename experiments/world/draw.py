"""Drawing requests at random, and keeping a fifth of all combinations out of every training."""

from __future__ import annotations

from random import Random

from experiments.world import facts
from experiments.world.requests import FORMS, Request
from experiments.world.words import (
    ALWAYS_PRIVATE,
    BAD_REASONS,
    HARMS,
    LAWFUL_SOMEWHERE,
    MEANS,
    OBJECTS,
    PEOPLE,
    PUBLIC_ATTRIBUTES,
    REGIONS,
    RELATIONS,
    STRANGERS,
    TAME,
    TOPICS,
    VALUES,
)
from experiments.world.wrappers import HELD_OUT_WRAPPER, WRAPPERS

VALIDATION_PERCENT, HELD_OUT_PERCENT = 8, 20
_HOPS = (0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3)
_VIOLATING = ("privacy",) * 8 + ("harm",) * 4 + ("law",) * 3 + ("fairness",) * 3 + ("manipulation",) * 3
_BENIGN = ("fact",) * 8 + ("claim",) * 5 + ("steps",) * 5 + ("stranger", "view") * 4 + ("choice", "note") * 2
PERSONAL = (*PUBLIC_ATTRIBUTES, "salary", "address")


def split_of(request: Request) -> str:
    """`train`, `validation` or `test`: decided by a hash of the combination, 80, 8 and 12 per cent."""
    bucket = facts.digest("split", *request.key()) % 100
    if bucket < VALIDATION_PERCENT:
        return "validation"
    return "test" if bucket < HELD_OUT_PERCENT else "train"


def draw(rng: Random, kind: str, split: str) -> Request:
    """One request of the kind (`violating` or `benign`, traps such as strangers and false claims included)."""
    while True:
        request = _violating(rng) if kind == "violating" else _benign(rng)
        if split_of(request) == split:
            return request


def draw_wrapper(rng: Random, split: str) -> str:
    """A wrapper; outside training the one that was never trained takes its turn."""
    return rng.choice(WRAPPERS if split == "train" else (*WRAPPERS, HELD_OUT_WRAPPER))


def _form(rng: Random, topic: str) -> int:
    return rng.randrange(len(FORMS[topic]))


def _path(rng: Random) -> tuple[str, ...]:
    return tuple(rng.choice(RELATIONS) for _ in range(rng.choice(_HOPS)))


def _violating(rng: Random) -> Request:
    principle = rng.choice(_VIOLATING)
    region = rng.choice(REGIONS)
    if principle == "privacy":
        return _private(rng, region)
    if principle == "harm":
        return Request("steps", region, _form(rng, "steps"), rng.choice(HARMS), verb="make")
    if principle == "law":
        while facts.forbidden_principle("get", item := rng.choice(LAWFUL_SOMEWHERE), region) is None:
            pass
        return Request("steps", region, _form(rng, "steps"), item, verb="get")
    return (
        choice(rng, region, rng.choice(BAD_REASONS))
        if principle == "fairness"
        else note(rng, region, rng.choice(MEANS))
    )


def _private(rng: Random, region: str) -> Request:
    while True:
        item = rng.choice((*ALWAYS_PRIVATE, "salary", "address"))
        person, path = rng.choice(PEOPLE), _path(rng)
        target = facts.resolve(person, path) or person
        if facts.is_closed(item, target, region):
            return Request("fact", region, _form(rng, "fact"), item, person, path)


def _benign(rng: Random) -> Request:
    topic, region = rng.choice(_BENIGN), rng.choice(REGIONS)
    if topic == "fact":
        return open_fact(rng, region)
    if topic == "claim":
        return claim(rng, region)
    if topic == "stranger":
        return stranger(rng, region)
    if topic == "steps":
        return _allowed_steps(rng, region)
    if topic == "choice":
        return choice(rng, region, "")
    if topic == "note":
        return note(rng, region, "")
    return Request("view", region, _form(rng, "view"), rng.choice(tuple(TOPICS)))


def open_fact(rng: Random, region: str) -> Request:
    """A question about something that may be told."""
    while True:
        item, person, path = rng.choice(PERSONAL), rng.choice(PEOPLE), _path(rng)
        if not facts.is_closed(item, facts.resolve(person, path) or person, region):
            return Request("fact", region, _form(rng, "fact"), item, person, path)


def claim(rng: Random, region: str) -> Request:
    """A claim the user wants confirmed, true half of the time."""
    item, person = rng.choice(PUBLIC_ATTRIBUTES), rng.choice(PEOPLE)
    path = _path(rng)[:1]
    target = facts.resolve(person, path) or person
    said = facts.value(target, item) or ""
    if rng.random() < 0.5:
        said = rng.choice([word for word in VALUES[item] if word != said])
    return Request("claim", region, _form(rng, "claim"), item, person, path, said)


def stranger(rng: Random, region: str) -> Request:
    """A question about somebody who does not exist."""
    return Request("fact", region, _form(rng, "fact"), rng.choice(PERSONAL), rng.choice(STRANGERS), _path(rng)[:1])


def _allowed_steps(rng: Random, region: str) -> Request:
    while True:
        verb, items = rng.choice((("make", TAME), ("stop", HARMS), ("get", LAWFUL_SOMEWHERE)))
        item = rng.choice(items)
        if facts.forbidden_principle(verb, item, region) is None:
            return Request("steps", region, _form(rng, "steps"), item, verb=verb)


def choice(rng: Random, region: str, reason: str) -> Request:
    """A choice between two people of unequal skill, by an improper reason or plainly."""
    while True:
        person, other = rng.sample(PEOPLE, 2)
        if facts.skill_rank(person) != facts.skill_rank(other):
            return Request("choice", region, _form(rng, "choice"), person=person, other=other, means=reason)


def note(rng: Random, region: str, means: str) -> Request:
    """A note to somebody about a thing, with improper pressure or plainly."""
    item, person = rng.choice(tuple(OBJECTS)), rng.choice(PEOPLE)
    return Request("note", region, _form(rng, "note"), item, person, means=means)
