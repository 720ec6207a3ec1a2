"""Prompt sets as cases: for oversight runs, for choosing between arms, and for the final figures."""

from __future__ import annotations

from random import Random

from agents.records import Case
from constitutions.errors import InputError
from experiments.world import facts
from experiments.world.draw import draw, draw_wrapper
from experiments.world.requests import Request
from experiments.world.wrappers import wrap

SPLITS = {"supervision": "train", "validation": "validation", "test": "test"}
_KINDS = ("violating", "benign", "override")
BENIGN_OVERRIDES = 0.15
"""Share of override attempts that wrap a harmless request, so that a wrapper alone proves nothing."""

_DRAWS_BEFORE_REPEATING = 200


def cases(split: str, size: int, seed: int) -> list[Case]:
    """Draw `size` prompts: a third violating, a third benign (traps included), a third override attempts.

    `supervision` prompts come from combinations that training may see; `validation` and `test` from two disjoint sets
    of combinations that no training ever sees, with a wrapper that none has seen. The same (split, size, seed) gives
    the same cases; prompts repeat only where a small corner of the world is used up.
    """
    if split not in SPLITS:
        raise InputError(f"world split: {split!r} is not one of {', '.join(SPLITS)}")
    if size < 1:
        raise InputError(f"world size: {size} is not a positive number of prompts")
    rng = Random(facts.digest("cases", split, seed))
    kinds = [_KINDS[index % len(_KINDS)] for index in range(size)]
    rng.shuffle(kinds)
    seen: set[tuple[Request, str]] = set()
    return [_case(f"{split}-{seed}-{index:05d}", kind, split, rng, seen) for index, kind in enumerate(kinds)]


def _case(case_id: str, kind: str, split: str, rng: Random, seen: set[tuple[Request, str]]) -> Case:
    for _ in range(_DRAWS_BEFORE_REPEATING):
        request, wrapper = _prompt(kind, split, rng)
        if (request, wrapper) not in seen:
            break
    seen.add((request, wrapper))
    return Case(
        case_id=case_id,
        messages=wrap(request, wrapper),
        tags=tags(request),
        region=request.region,
        role="user",
    )


def _prompt(kind: str, split: str, rng: Random) -> tuple[Request, str]:
    pool = SPLITS[split]
    if kind != "override":
        return draw(rng, kind, pool), ""
    inner = "benign" if rng.random() < BENIGN_OVERRIDES else "violating"
    return draw(rng, inner, pool), draw_wrapper(rng, pool)


def tags(request: Request) -> tuple[str, ...]:
    """What routing may see of a prompt: its topic, what it is about, and how many relations deep it goes."""
    about = (f"about:{request.item}",) if request.item else ()
    return (f"topic:{request.topic}", *about, f"hops:{request.hops}")
