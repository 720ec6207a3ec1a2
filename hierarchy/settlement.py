"""Settlements: one record per case of a finished block, as training and transcripts need it.

Column by column: what few cases differ in (the steps that ran, their verdicts, the principles flagged) is put in words
once for all cases that share it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from agents.records import Comparison, Settlement, Written
from agents.uncollected import uncollected
from agents.vocabulary import RESPONDERS, REVIEWERS, CaseOutcome, Role
from hierarchy.audit.records import POLICY, Appeal
from hierarchy.block import Block
from hierarchy.fields import VERDICT_TEXT
from hierarchy.flow import Bools, Ints
from hierarchy.plan import PlannedStep
from hierarchy.records import audits, finals, missing

T = TypeVar("T")


@uncollected()
def settlements(arm: str, block: Block, appeals: Mapping[str, Appeal] | None = None) -> list[Settlement]:
    """How every case of the block ended, in block order. Cases carry text; simulated ones have none to settle.

    `appeals`: the arm's cases whose audit decision was appealed against, by id (see `AuditQueue.appeals`).
    """
    columns = _columns(block, appeals or {})
    cells = zip(repeat(arm), *(columns[name] for name in Settlement._fields[1:]), strict=False)
    return list(map(Settlement._make, cells))


def _columns(block: Block, appeals: Mapping[str, Appeal]) -> dict[str, Sequence[Any]]:
    """A cell per case for every field of a Settlement but the arm."""
    ids = [str(case) for case in block.cases.case_id_N]
    none = Appeal(epoch=0, waits=False)
    appeal = [appeals.get(case, none) for case in ids]
    names = [outcome.name.lower() for outcome in CaseOutcome]
    ran = _steps(block)
    audited, unreviewed, _ = audits(block)
    return {
        "case_id": ids,
        "messages": [()] * len(block) if block.cases.messages_N is None else block.cases.messages_N.tolist(),
        "outcome": [names[code] for code in block.outcomes().tolist()],
        "final": finals(block).tolist(),
        "responses": _responses(block),
        "steps": [steps for steps, _ in ran],
        "verdicts": [verdicts for _, verdicts in ran],
        "principles": _principles(block),
        "agreement": _agreement(block).tolist(),
        "missing": missing(block).tolist(),
        "audited": audited.tolist(),
        "unreviewed": unreviewed.tolist(),
        "comparisons": _comparisons(block),
        "decision": _decisions(block).tolist(),
        "epoch": [each.epoch for each in appeal],
        "appealed": [each.waits for each in appeal],
    }


def _ran(block: Block, *roles: Role) -> list[PlannedStep]:
    """The steps of these roles that ran on some case."""
    return [step for step in block.plan.steps if step.role in roles and block.ran[step.index].any()]


def _alike(key_NX: NDArray[Any], make: Callable[[NDArray[Any]], T]) -> list[T]:
    """`make` of every row, made once for rows that are equal."""
    rows = np.ascontiguousarray(key_NX)
    width = rows.shape[1] * rows.itemsize
    if not width:
        return [make(row) for row in rows]
    keys = rows.view(np.dtype((np.void, width)))[:, 0].tolist()
    some = dict(zip(keys, range(len(keys)), strict=True))
    made = {key: make(rows[n]) for key, n in some.items()}
    return [made[key] for key in keys]


def _steps(block: Block) -> list[tuple[tuple[str, ...], tuple[tuple[str, str], ...]]]:
    """Per case the step instances that ran, and the verdict name of each one that gave one."""
    steps = block.plan.steps
    code_NS = np.full((len(block), len(steps)), -1, np.int8)
    for step in steps:
        ran = block.ran[step.index]
        code_NS[ran, step.index] = block.said(step.index)["verdict"][ran]

    def named(code_S: NDArray[Any]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
        ran = [(step, code) for step, code in zip(steps, code_S.tolist(), strict=True) if code >= 0]
        verdicts = [(step.name, str(VERDICT_TEXT[code])) for step, code in ran if step.role not in RESPONDERS]
        return tuple(step.name for step, _ in ran), tuple(verdicts)

    return _alike(code_NS, named)


def _principles(block: Block) -> list[tuple[str, ...]]:
    """Per case the principles that some reviewer on its path flagged, in the order they first were.

    An advocate is no reviewer here: it claims, whatever it finds.
    """
    reviews = [step for step in _ran(block, *REVIEWERS, Role.CONSENSUS) if step.step.side is None]
    flag = [block.said(s.index)["finding_flag"].any(axis=1) & block.ran[s.index][:, None] for s in reviews]
    ids = [principle for step in reviews for principle in step.principles]
    flag_NX = np.concatenate([np.zeros((len(block), 0), bool), *flag], axis=1)
    return _alike(flag_NX, lambda row: tuple(dict.fromkeys(ids[x] for x in np.flatnonzero(row))))


def _responses(block: Block) -> list[tuple[Written, ...]]:
    """Per case every present response, oldest first; the one the case points at comes last."""
    everything = np.arange(len(block))
    pointers = [block.pointer(block.plan.moving[: i + 1], everything) for i in range(len(block.plan.moving))]
    last, candidate = pointers[-1] if pointers else (np.full(len(block), -1), everything)
    written: list[list[Written]] = [[] for _ in everything]
    chosen: list[list[Written]] = [[] for _ in everything]
    for step in _ran(block, *RESPONDERS, Role.AUDITOR):
        said = block.said(step.index)
        for k in range(said["present"].shape[1]):
            own = _pointed(pointers, step.index, k)
            rows = np.flatnonzero(block.ran[step.index] & said["present"][:, k])
            final = (last[rows] == step.index) & (candidate[rows] == k)
            cells = (said["revision"][rows].tolist(), said["text"][rows, k].tolist(), own[rows].tolist())
            ones = map(Written._make, zip(repeat(step.name), repeat(k), *cells, strict=False))
            for n, is_final, one in zip(rows.tolist(), final.tolist(), ones, strict=True):
                if one.text is not None:
                    (chosen if is_final else written)[n].append(one)
    return [tuple(before + after) for before, after in zip(written, chosen, strict=True)]


def _pointed(pointers: list[tuple[Ints, Ints]], index: int, k: int) -> Bools:
    """Whether the case's own response was ever this candidate of this step, [N]."""
    found: Bools = np.any([(where == index) & (candidate == k) for where, candidate in pointers], axis=0)
    return found


def _agreement(block: Block) -> NDArray[np.float64]:
    """Share of the last consensus on each case's path that was in the majority, [N]; 1 without one."""
    out = np.ones(len(block))
    for step in _ran(block, Role.CONSENSUS):
        ran = block.ran[step.index]
        out[ran] = 1.0 - block.said(step.index)["disagreement"][ran].astype(np.float64)
    return out


def _decisions(block: Block) -> NDArray[np.object_]:
    """The verdict name of each case's last decision by a person, object [N]; empty where there is none."""
    out = np.full(len(block), "", object)
    for step in _ran(block, Role.AUDITOR):
        said = block.said(step.index)
        decided = block.ran[step.index] & (said["auditor"] != POLICY)
        out[decided] = VERDICT_TEXT[said["verdict"][decided]]
    return out


def _comparisons(block: Block) -> list[tuple[Comparison, ...]]:
    """Per case what its judges made of the responses they compared; a judge that could not be read made nothing."""
    found: list[tuple[Comparison, ...]] = [()] * len(block)
    for step in _ran(block, Role.JUDGE):
        said = block.said(step.index)
        rows = np.flatnonzero(block.ran[step.index] & (said["chosen"] >= 0)) if step.options else np.empty(0, np.int64)
        if not len(rows):
            continue
        subject = block.view(step, rows).subject
        assert subject is not None
        cells = zip(rows.tolist(), subject.text_NK.tolist(), said["score"][rows].tolist(), strict=True)
        for (n, texts, scores), best in zip(cells, said["chosen"][rows].tolist(), strict=True):
            kept = [(m, text, p) for m, (text, p) in enumerate(zip(texts, scores, strict=True)) if text and p == p]
            places, seen, probability = zip(*kept, strict=True) if kept else ((), (), ())
            if best in places:
                found[n] += (Comparison(step.name, seen, probability, places.index(best)),)
    return found
