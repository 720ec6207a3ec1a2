"""Consensus on words: the rules of `hierarchy.consensus`, bit by bit for all principles at once."""

from __future__ import annotations

from functools import lru_cache, reduce
from operator import add, and_, or_
from typing import Any

import numpy as np

from agents.simulated import lanes as bits
from agents.simulated.lanes import Words
from agents.vocabulary import Verdict
from hierarchy.consensus import Votes, weigh
from hierarchy.flow import Bools
from hierarchy.latent.review import Review, Scale, planes
from hierarchy.latent.said import Coded, Floats
from hierarchy.rules import Majority, Unanimous, Veto, Vote

Member = tuple[Bools | None, Review]


def decide(rule: Vote, names: tuple[str, ...], members: list[Member], mask: int, scale: Scale, count: int) -> Review:
    """One review of n cases from V members': (which cases the member answered, None for all; what it said).

    A member that did not run on a case, or was not asked, has no say there and is not missing.
    """
    if all(heard is None and said.plain and isinstance(said.asked, int) for heard, said in members):
        return _decide_complete(rule, names, [said for _, said in members], mask, scale)
    kind = members[0][1].flag.dtype
    asked = [_asked(member, mask, kind) for member in members]
    present = [_present(member, a) for member, a in zip(members, asked, strict=True)]
    flag = [_where(heard, said.flag) for heard, said in members]
    if rule.missing == "flag":
        flag = [f | (a & ~p) for f, a, p in zip(flag, asked, present, strict=True)]
        present, unsure = asked, np.zeros(count, kind)
    elif rule.missing == "abstain":
        unsure = reduce(or_, asked) & ~reduce(or_, present)
    else:
        unsure = reduce(or_, [a & ~p for a, p in zip(asked, present, strict=True)])
    decided, split = _weigh(rule, names, flag, present, members, mask)
    open_ = unsure if split is None else unsure | split
    unheard = reduce(and_, [_silent(member) for member in members])
    anything = reduce(or_, asked)
    return Review(
        decided & ~open_,
        anything & ~open_,
        anything,
        scale,
        lambda: _mean_confidence(members, present),
        (open_ != 0) | (unheard & (anything == 0)),
        dissent=lambda: _dissent(members, count),
    )


def _decide_complete(rule: Vote, names: tuple[str, ...], said: list[Review], mask: int, scale: Scale) -> Review:
    """Where every member could read everything in every case."""
    members: list[Member] = [(None, one) for one in said]
    flag = [one.flag for one in said]
    count, kind = len(flag[0]), flag[0].dtype

    def asked() -> list[Words]:
        return [_asked(member, mask, kind) for member in members]

    split = None
    match rule:
        case Veto():
            decided = reduce(or_, flag)
        case Majority():
            decided = bits.majority(flag)
        case Unanimous():
            some, decided = reduce(or_, flag), reduce(and_, flag)
            split = some & ~decided
        case _:
            decided = _by_principle(rule, names, flag, asked(), members, mask)
    return Review(
        decided,
        None if split is None else kind.type(mask) & ~split,
        mask,
        scale,
        lambda: _mean_confidence(members, asked()),
        None if split is None else split != 0,
        dissent=lambda: _dissent(members, count),
    )


def _asked(member: Member, mask: int, kind: np.dtype[Any]) -> Words:
    heard, said = member
    asked = said.asked if isinstance(said.asked, np.ndarray) else np.full(len(said.flag), mask & said.asked, kind)
    return _where(heard, asked)


def _present(member: Member, asked: Words) -> Words:
    _, said = member
    return asked if said.present is None else asked & said.present


def _where(heard: Bools | None, word: Words) -> Words:
    return word if heard is None else np.where(heard, word, word.dtype.type(0))


def _weigh(
    rule: Vote,
    names: tuple[str, ...],
    flag: list[Words],
    present: list[Words],
    members: list[Member],
    mask: int,
) -> tuple[Words, Words | None]:
    """(bits the rule flags, bits it cannot decide or None)."""
    match rule:
        case Veto():
            return reduce(or_, flag), None
        case Majority():
            passes = [p & ~f for f, p in zip(flag, present, strict=True)]
            return reduce(or_, flag) & ~bits.more(passes, flag), None
        case Unanimous():
            some = reduce(or_, flag)
            every = reduce(and_, [f | ~p for f, p in zip(flag, present, strict=True)]) & some
            return every, some & ~every
    return _by_principle(rule, names, flag, present, members, mask), None


def _by_principle(
    rule: Vote, names: tuple[str, ...], flag: list[Words], present: list[Words], members: list[Member], mask: int
) -> Words:
    """Rules that need sums per principle: unpacked, then decided as in any block."""
    count = len(members[0][1].scale.severity)
    flags, there = (np.stack([planes(word, count) for word in words])[:, :, None] for words in (flag, present))
    confidence = np.stack([said.each() for _, said in members])[:, :, None].astype(np.float64)
    if rule.missing == "flag":  # to the rule what could not be read is a sure violation
        read = [_present(member, p) for member, p in zip(members, present, strict=True)]
        confidence = np.where(np.stack([planes(word, count) for word in read])[:, :, None], confidence, 1.0)
    decided, _ = weigh(rule, Votes(there, there, flags, confidence, np.zeros(flags.shape)), names)
    word = np.zeros(len(flag[0]), flag[0].dtype)
    for p in range(count):
        word |= decided[:, 0, p].astype(word.dtype) << word.dtype.type(p)
    out: Words = word & word.dtype.type(mask)
    return out


def _mean_confidence(members: list[Member], present: list[Words]) -> Floats:
    """The mean, over the members who could read a principle, of their confidence, [n, P]."""
    count = len(members[0][1].scale.severity)
    there = np.stack([planes(word, count) for word in present])
    sure = np.stack([said.each() for _, said in members]).astype(np.float64)
    return np.asarray((sure * there).sum(axis=0) / np.maximum(there.sum(axis=0), 1), np.float32)


def _silent(member: Member) -> Bools:
    heard, said = member
    silent: Bools = np.asarray(said.verdict == Verdict.MISSING)
    return silent if heard is None else silent | ~heard


def _excused(said: Review) -> Bools:
    """Who was asked nothing, [n]."""
    return np.asarray(said.asked == 0) if isinstance(said.asked, np.ndarray) else np.zeros(len(said.flag), bool)


def _dissent(members: list[Member], count: int) -> Coded | Floats:
    """Share of the members with a verdict that are outside the larger camp (flagged against not flagged), [n]."""
    size = len(members)
    if all(heard is None and said.plain for heard, said in members):
        return Coded(reduce(add, [said.flagged.view(np.uint8) for _, said in members]), _shares(size))
    here, against_n = np.zeros(count, np.int16), np.zeros(count, np.int16)
    for member in members:
        heard = ~_silent(member) & ~_excused(member[1])
        here += heard
        against_n += heard & member[1].flagged
    return np.asarray(np.minimum(against_n, here - against_n) / np.maximum(here, 1), np.float32)


@lru_cache(maxsize=64)
def _shares(size: int) -> tuple[float, ...]:
    """The share outside the larger camp when 0, 1 ... of `size` flag."""
    return tuple(min(against, size - against) / size for against in range(size + 1))
