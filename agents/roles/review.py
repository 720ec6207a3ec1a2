"""Critic and safety: those who find violations. One verdict per candidate and principle, as a label probability."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.asking import Asker, phrasing, reviewed, texts
from agents.columns import Array, Output
from agents.model import Use
from agents.roles.label import label
from agents.view import View
from agents.vocabulary import Verdict

_UNREAD = "nothing that can be read"


def criticise(asker: Asker, view: View, write: bool) -> Output:
    """The critic: a written critique of the response (where `write`), then a verdict per principle with it in view.

    Where the subject is another critic's step, each verdict is on whether that critic was right, and the findings are
    the corrected ones. A critic that is assigned a side argues it, and its findings are what it claims.
    """
    if view.labels:
        return label(asker, view)
    if view.critic is not None:
        heard = view.critic.columns.get("critique")
        return _output(view, _findings(asker, view, Use.REVIEW_CRITIC, "review_critic", heard))
    critique, verdict = ("critique", "verdict") if view.side is None else ("argue", "plead")
    if not write:
        return _output(view, _findings(asker, view, Use.VERDICT, verdict, None))
    written = _written(asker, view, critique)
    columns = _findings(asker, view, Use.VERDICT, verdict, written["critique"])
    columns |= {name: written[name] for name in ("critique", "phrasing", "written")}
    columns |= {name: columns[name] + written[name] for name in ("calls", "tokens")}
    return _output(view, columns)


def screen(asker: Asker, view: View) -> Output:
    """The safety role: a verdict per principle in one pass, and whether the prompt tries to override the rules."""
    if view.labels:
        return label(asker, view)
    columns = _findings(asker, view, Use.SCREEN, "safety", None)
    rows = np.arange(len(view))
    words = asker.style.labels
    scored = asker.score(
        Use.OVERRIDE,
        view,
        "override",
        rows,
        (words.violated, words.fine),
        seed=asker.seeds(Use.OVERRIDE, view, rows),
        slots={},
    )
    columns["override"] = scored.probability_NL[:, 0]
    columns["unread"] = columns["unread"] | np.isnan(columns["override"])
    columns["calls"] = columns["calls"] + 1
    columns["tokens"] = columns["tokens"] + scored.tokens_N
    return _output(view, columns)


def _written(asker: Asker, view: View, template: str) -> dict[str, Array]:
    """One critique per case, of its first present candidate."""
    subject, _, present, revision = reviewed(view)
    which = present.argmax(axis=1)
    rows = np.flatnonzero(present.any(axis=1))
    drawn = phrasing(asker, "critique", view, np.arange(len(view)), 1 << 20, revision[:, 0])
    requests = [request for principle in view.constitution.principles for request in principle.critique_requests]

    at = (rows, which[rows])
    written = asker.generate(
        Use.CRITIQUE,
        view,
        template,
        rows,
        seed=asker.seeds(Use.CRITIQUE, view, rows, revision[at], which[rows]),
        slots={
            "response": lambda: texts(subject[at]),
            "critique_request": lambda: [requests[n] for n in (drawn[rows] % len(requests)).tolist()],
        },
    )
    columns = {
        "critique": np.full(len(view), None, object),
        "phrasing": drawn % len(requests),
        "calls": np.zeros(len(view), np.int64),
        "tokens": np.zeros(len(view), np.int64),
        "written": np.zeros(len(view), np.int64),
    }
    columns["critique"][rows] = np.where(written.present_N, written.text_N, np.array(None, object))
    columns["calls"][rows], columns["tokens"][rows], columns["written"][rows] = 1, written.tokens_N, written.written_N
    return columns


def _findings(asker: Asker, view: View, use: Use, template: str, critique: Array | None) -> dict[str, Array]:
    """Ask about every (case, candidate, principle) that applies; unreadable verdicts stay not present."""
    subject, _, present, revision = reviewed(view)
    principles = view.constitution.principles
    shape = (*present.shape, len(principles))
    asked = np.broadcast_to(view.constitution.applicable(view.cases.columns())[:, None, :], shape)
    case, candidate, principle = np.nonzero(asked & present[:, :, None])
    claim = _claims(view, case, candidate, principle)
    words = asker.style.labels

    at = (case, candidate)
    scored = asker.score(
        use,
        view,
        template,
        case,
        (words.violated, words.fine),
        seed=asker.seeds(use, view, case, revision[at], candidate, principle),
        slots={
            "response": lambda: texts(subject[at]),
            "critique": "" if critique is None else lambda: texts(critique[case]),
            "principle_id": lambda: [principles[p].id for p in principle.tolist()],
            "statement": lambda: [principles[p].statement for p in principle.tolist()],
            "claim": lambda: [(words.fine, words.violated, _UNREAD)[said] for said in claim.tolist()],
        },
        principle=np.asarray(view.bits, np.int16)[principle],
    )
    probability = np.full(shape, np.nan)
    probability[case, candidate, principle] = scored.probability_NL[:, 0]
    return {
        "finding_asked": asked,
        "probability": probability,
        "unread": np.asarray(~present.any(axis=1)),
        "threshold": np.asarray(asker.threshold),
        "calls": np.bincount(case, minlength=len(view)),
        "tokens": np.bincount(case, scored.tokens_N, len(view)).astype(np.int64),
    }


def _claims(view: View, case: Array, candidate: Array, principle: Array) -> NDArray[np.int8]:
    """What the reviewed critic said of each question: 1 violated, 0 fine, -1 nothing that can be read."""
    if view.critic is None:
        return np.full(len(case), -1, np.int8)
    at = (case, candidate, principle)
    said = np.where(view.critic["finding_flag"][at], 1, 0)
    return np.where(view.critic["finding_present"][at], said, -1).astype(np.int8)


def _output(view: View, columns: dict[str, Array]) -> Output:
    probability = columns["probability"]
    asked = columns["finding_asked"]
    present = asked & ~np.isnan(probability)
    flag = present & (probability >= columns["threshold"])
    scale = np.array([principle.severity for principle in view.constitution.principles])
    severity = flag * scale
    confidence = np.where(present, np.maximum(probability, 1 - probability), 0.0)
    flagged = np.asarray(flag.any(axis=(1, 2)))
    unread = columns["unread"] | (asked & ~present).any(axis=(1, 2))
    verdict = np.where(flagged, Verdict.REVISE, np.where(unread, Verdict.MISSING, Verdict.ACCEPT))
    names = ("critique", "phrasing", "override", "calls", "tokens", "written")
    kept = {name: columns[name] for name in names if name in columns}
    return Output.of(
        view.role,
        len(view),
        view.width,
        verdict=verdict,
        flagged=flagged,
        severity=severity.max(axis=(1, 2), initial=0.0),
        confidence=np.where(present, confidence, 1.0).min(axis=(1, 2), initial=1.0) * present.any(axis=(1, 2)),
        finding_asked=asked,
        finding_present=present,
        finding_flag=flag,
        finding_severity=severity,
        finding_confidence=confidence,
        **kept,
    )
