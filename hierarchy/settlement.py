"""Settlements: one record per case of a finished block, as training and transcripts need it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from agents.records import Settlement, Written
from agents.vocabulary import RESPONDERS, REVIEWERS, CaseOutcome, Role
from hierarchy.audit.records import Appeal
from hierarchy.block import Block
from hierarchy.fields import VERDICT_TEXT
from hierarchy.plan import PlannedStep
from hierarchy.records import audits, finals, missing


def settlements(arm: str, block: Block, appeals: Mapping[str, Appeal] | None = None) -> list[Settlement]:
    """How every case of the block ended, in block order. Cases carry text; simulated ones have none to settle.

    `appeals`: the arm's cases whose audit decision was appealed against, by id (see `AuditQueue.appeals`).
    """
    never = Appeal(epoch=0, waits=False)
    appeal = [(appeals or {}).get(str(case), never) for case in block.cases.case_id_N]
    outcome, final = block.outcomes(), finals(block)
    audited, unreviewed, _ = audits(block)
    unread = missing(block)
    everything = np.arange(len(block))
    where, candidate = block.pointer(block.plan.moving, everything)
    return [
        Settlement(
            arm=arm,
            case_id=str(block.cases.case_id_N[n]),
            messages=block.cases.messages_N[n] if block.cases.messages_N is not None else (),
            outcome=CaseOutcome(int(outcome[n])).name.lower(),
            final=final[n],
            responses=_responses(block, n, int(where[n]), int(candidate[n])),
            steps=tuple(step.name for step in block.plan.steps if block.ran[step.index, n]),
            verdicts=tuple(_verdicts(block, n)),
            principles=_principles(block, n),
            agreement=_agreement(block, n),
            preference=_preference(block, n),
            missing=bool(unread[n]),
            audited=bool(audited[n]),
            unreviewed=bool(unreviewed[n]),
            epoch=appeal[n].epoch,
            appealed=appeal[n].waits,
        )
        for n in range(len(block))
    ]


def _ran(block: Block, n: int, *roles: Role) -> list[PlannedStep]:
    return [step for step in block.plan.steps if step.role in roles and block.ran[step.index, n]]


def _responses(block: Block, n: int, last: int, candidate: int) -> tuple[Written, ...]:
    """Every present response on the path, oldest first; the one the case points at comes last."""
    written = []
    for step in _ran(block, n, *RESPONDERS, Role.AUDITOR):
        said = block.said(step.index)
        for k in np.flatnonzero(said["present"][n]):
            text: Any = said["text"][n, k]
            if text is not None:
                written.append((step.index, Written(step.name, int(k), int(said["revision"][n]), text)))
    chosen = [w for index, w in written if (index, w.candidate) == (last, candidate)]
    return tuple([w for index, w in written if (index, w.candidate) != (last, candidate)] + chosen)


def _verdicts(block: Block, n: int) -> list[tuple[str, str]]:
    steps = [step for step in block.plan.steps if step.role not in RESPONDERS and block.ran[step.index, n]]
    return [(step.name, str(VERDICT_TEXT[block.said(step.index)["verdict"][n]])) for step in steps]


def _principles(block: Block, n: int) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for step in _ran(block, n, *REVIEWERS, Role.CONSENSUS):
        if step.step.side is not None:  # it claims, whatever it finds
            continue
        flags = block.said(step.index)["finding_flag"][n].any(axis=0)
        found |= {name: None for name, flag in zip(step.principles, flags, strict=True) if flag}
    return tuple(found)


def _agreement(block: Block, n: int) -> float:
    votes = _ran(block, n, Role.CONSENSUS)
    return 1.0 - float(block.said(votes[-1].index)["disagreement"][n]) if votes else 1.0


def _preference(block: Block, n: int) -> float | None:
    """The last comparing judge's probability for the option it chose; None where no judge could be read."""
    judges = [step for step in _ran(block, n, Role.JUDGE) if step.options]
    if not judges:
        return None
    said = block.said(judges[-1].index)
    chosen = int(said["chosen"][n])
    return float(said["score"][n, chosen]) if chosen >= 0 else None
