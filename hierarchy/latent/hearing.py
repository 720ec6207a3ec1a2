"""What reviewers said, as another step hears it: one word a reviewer, on every row of its view."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import or_

import numpy as np

from agents.simulated import lanes as bits
from agents.simulated.arguing import Turn
from agents.simulated.lanes import Words
from agents.vocabulary import REVIEWERS, Role
from hierarchy.flow import Bools
from hierarchy.latent.consensus import Member
from hierarchy.latent.review import Review, Scale
from hierarchy.latent.said import Floats
from hierarchy.latent.view import LatentView
from hierarchy.plan import PlannedStep, Source

_REVIEWING = REVIEWERS | {Role.CONSENSUS}


def member(view: LatentView, source: Source) -> Member:
    """A reviewing step's word: (rows it answered, None for all; what it said)."""
    return _whole(view, *view.block.heard(source, view.rows))


def readers(view: LatentView) -> list[Member]:
    """What the reviewing steps it may read said, without those that are assigned a side; a step that did not run on a
    row flagged nothing there."""
    return _read(view, lambda step: step.role in _REVIEWING and step.step.side is None)


def turns(view: LatentView) -> list[Turn]:
    """What those with a side that it may read claimed."""
    sided = _read(view, lambda step: step.step.side is not None)
    flags, passes = heard_by(sided)
    return [Turn(flag, fine, said.each()) for flag, fine, (_, said) in zip(flags, passes, sided, strict=True)]


def _read(view: LatentView, wanted: Callable[[PlannedStep], bool]) -> list[Member]:
    sources = [source for source in view.step.reads if source.instances]
    return [member(view, source) for source in sources if wanted(view.block.plan.steps[source.instances[0]])]


def flagged(view: LatentView) -> Words | None:
    """Everything that the reviewers it may read flagged; None where it may read none."""
    flags = [_heard_flags(heard, said) for heard, said in readers(view)]
    return reduce(or_, flags) if flags else None


def heard_by(members: list[Member]) -> tuple[list[Words], list[Words]]:
    """What the reviewers flagged, and what they found fine; a word each."""
    flags, passes = [], []
    for heard, said in members:
        kind = said.flag.dtype.type
        read = said.present if said.present is not None else said.asked
        fine = (kind(read) if isinstance(read, int) else read) & ~said.flag
        flags.append(_heard_flags(heard, said))
        passes.append(fine if heard is None else np.where(heard, fine, kind(0)))
    return flags, passes


def _heard_flags(heard: Bools | None, said: Review) -> Words:
    return said.flag if heard is None else np.where(heard, said.flag, said.flag.dtype.type(0))


def _whole(view: LatentView, heard: Bools | None, parts: list[Member]) -> Member:
    """A member's word on every row: the latest instance that ran on it."""
    if len(parts) == 1:
        return heard, parts[0][1]
    count, places = len(view), view.block.plan.places
    kind = bits.word_type(places)
    flag, present, stuck = np.zeros(count, kind), np.zeros(count, kind), np.zeros(count, bool)
    asked: Words | int = view.step.mask
    if any(isinstance(said.asked, np.ndarray) for _, said in parts):
        asked = np.zeros(count, kind)
    for ran, said in parts:
        where = np.ones(count, bool) if ran is None else ran
        flag = np.where(where, said.flag, flag)
        read = np.asarray(said.asked).astype(kind) if said.present is None else said.present
        present = np.where(where, read, present)
        if isinstance(asked, np.ndarray):
            asked = np.where(where, said.asked, asked).astype(kind)
        stuck = np.where(where, False if said.stuck is None else said.stuck, stuck)
    scale = parts[-1][1].scale if parts else Scale.of(view.block.plan)

    def each() -> Floats:
        out = np.zeros((count, places), np.float32)
        for ran, said in parts:
            out = said.each() if ran is None else np.where(ran[:, None], said.each(), out)
        return out

    return heard, Review(flag, present, asked, scale, each, stuck)
