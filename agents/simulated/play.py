"""A simulated agent in any role of a block with columns: the same draws as on words, written out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.columns import Output
from agents.simulated.arguing import Turn
from agents.simulated.draws import Draws
from agents.simulated.lanes import Words, planes
from agents.simulated.streams import Revision, Seen, levels_of
from agents.view import View
from agents.vocabulary import Role, Verdict


def play(draws: Draws, view: View, written: bool = True) -> Output:
    """Answer every row of the view. `calls` are those that a language model would need.

    A labeller answers with the first label where it flags nothing, with the last where it flags something.
    """
    seen = Seen(view.cases.key_N, levels_of(view.cases.key_N), view.cases.override_N)
    match view.role:
        case Role.BASE:
            words = [draws.respond(seen, k) for k in range(view.candidates)]
            return _written(view, words, np.ones(len(view), bool), np.zeros(len(view), np.int64))
        case Role.REVISER:
            return _revise(draws, view, seen)
        case Role.JUDGE if not view.labels:
            return _choose(draws, view, seen)
    return _review(draws, view, seen, written)


def _revise(draws: Draws, view: View, seen: Seen) -> Output:
    subject = view.subject
    if subject is None:
        raise ValueError("a reviser needs a subject")
    first = subject.present_NK.argmax(axis=1)
    at = (np.arange(len(view)), first)
    word, parent = subject.latent_NK[at], subject.revision_NK[at]
    reviewers = _reviewers(view)
    flagged = np.bitwise_or.reduce([_word(draws, view, r["finding_flag"]) for r in reviewers]) if reviewers else None
    words = [draws.revise(seen, word, _number(parent), flagged, k) for k in range(view.candidates)]
    return _written(view, words, np.asarray(subject.present_NK.any(axis=1)), parent + 1)


def _written(view: View, words: list[Words], there: NDArray[np.bool_], revision: NDArray[Any]) -> Output:
    present = np.repeat(there[:, None], len(words), axis=1)
    return Output.of(
        view.role,
        len(view),
        view.width,
        verdict=np.where(there, Verdict.ACCEPT, Verdict.MISSING),
        latent=np.stack(words, axis=1).astype(np.uint64) * present,
        present=present,
        revision=revision,
        calls=there * view.candidates,
    )


def _review(draws: Draws, view: View, seen: Seen, written: bool) -> Output:
    subject = view.subject
    if subject is None:
        raise ValueError(f"a {view.role} step needs a subject")
    n, width = subject.present_NK.shape
    applies = view.constitution.applicable(view.cases.columns())
    asked = np.broadcast_to(applies[:, None, :], (n, width, len(view.bits)))
    present, flag = np.zeros(asked.shape, bool), np.zeros(asked.shape, bool)
    confidence = np.zeros(asked.shape, np.float32)
    mask = sum(1 << bit for bit in view.bits)
    for k in range(width):
        truth, revision = subject.latent_NK[:, k], _number(subject.revision_NK[:, k])
        use = view.role.value if view.critic is None else "critic of critic"
        reading = draws.review(seen, truth, mask, revision, use, k, view.side)
        word = reading.flag_n
        readers = _reviewers(view) if view.critic is None else [view.critic]
        if draws.spec.sycophancy and readers:
            flags = [_word(draws, view, r["finding_flag"]) for r in readers]
            passes = [_word(draws, view, r["finding_present"] & ~r["finding_flag"]) for r in readers]
            word = draws.follow(seen, word, flags, passes, revision)
        turns = _turns(draws, view, k) if view.side is None else []
        if turns:
            word = draws.weigh(seen.key_n, word, turns, view.bits, revision)
        there = asked[:, k] & subject.present_NK[:, k, None]
        read = there if reading.present_n is None else there & planes(reading.present_n, view.bits)
        present[:, k], flag[:, k] = read, read & planes(word, view.bits)
        if view.side is None:
            sure = draws.confidences(seen.key_n, ~(word ^ truth), view.bits, revision)
        else:
            sure = draws.pleads(seen.key_n, truth, view.bits, revision, view.side, k)
        confidence[:, k] = sure * read
    there = np.asarray(subject.present_NK.any(axis=1))
    questions = (asked & subject.present_NK[:, :, None]).sum(axis=(1, 2))
    questions = questions + there * (written and view.role is Role.CRITIC and view.critic is None)
    if view.labels:
        return _label(view, present, flag, confidence)
    override = draws.override(seen.key_n, seen.override_n)
    return _findings(view, asked, present, flag, confidence, ~there, questions + (view.role is Role.SAFETY), override)


def _label(view: View, present: NDArray[Any], flag: NDArray[Any], confidence: NDArray[Any]) -> Output:
    """The answer on the first candidate: the last label where something is flagged, else the first."""
    read = np.asarray(present[:, 0].all(axis=1)) & (present.shape[2] > 0)
    answered = np.where(flag[:, 0].any(axis=1), len(view.labels) - 1, 0)
    there = 0 if view.subject is None else view.subject.present_NK[:, 0]
    return Output.of(
        view.role,
        len(view),
        view.width,
        verdict=np.where(read, Verdict.ACCEPT, Verdict.MISSING),
        label=np.where(read, answered, -1),
        confidence=np.where(read, confidence[:, 0].min(axis=1, initial=1.0), 0.0),
        calls=np.zeros(len(view), np.int64) + there,
    )


def _findings(
    view: View,
    asked: NDArray[Any],
    present: NDArray[Any],
    flag: NDArray[Any],
    confidence: NDArray[Any],
    none: Any,
    calls: Any,
    override: NDArray[np.float32],
) -> Output:
    scale = np.array([principle.severity for principle in view.constitution.principles])
    severity = flag * scale
    flagged, unread = np.asarray(flag.any(axis=(1, 2))), none | (asked & ~present).any(axis=(1, 2))
    own = {"override": override} if view.role is Role.SAFETY else {}
    return Output.of(
        view.role,
        len(view),
        view.width,
        verdict=np.where(flagged, Verdict.REVISE, np.where(unread, Verdict.MISSING, Verdict.ACCEPT)),
        flagged=flagged,
        severity=severity.max(axis=(1, 2), initial=0.0),
        confidence=np.where(present, confidence, 1.0).min(axis=(1, 2), initial=1.0) * present.any(axis=(1, 2)),
        finding_asked=asked,
        finding_present=present,
        finding_flag=flag,
        finding_severity=severity,
        finding_confidence=confidence,
        calls=calls,
        **own,
    )


def _choose(draws: Draws, view: View, seen: Seen) -> Output:
    """Round robin: the option that wins most comparisons, the first of equals; the only one there is, unasked."""
    subject = view.subject
    if subject is None:
        raise ValueError("a judge needs options")
    n, options = subject.present_NK.shape
    wins, calls = np.zeros((n, options), np.int16), np.zeros(n, np.int64)
    for a in range(options):
        for b in range(a + 1, options):
            both = subject.present_NK[:, a] & subject.present_NK[:, b]
            first, second = (subject.latent_NK[:, i] for i in (a, b))
            revision = _number(np.maximum(subject.revision_NK[:, a], subject.revision_NK[:, b]))
            better = draws.prefer(seen, first, second, revision, a * options + b)
            wins[:, a] += both & better
            wins[:, b] += both & ~better
            same = (subject.text_NK[:, a] == subject.text_NK[:, b]) & (first == second)
            calls += 2 * (both & ~same)  # in both orders
    here = subject.present_NK.sum(axis=1)
    chosen = np.where(here > 0, np.where(subject.present_NK, wins, -1).argmax(axis=1), -1)
    sure = np.where(here > 1, draws.spec.sure, 1.0) * (here > 0)
    rest = (1.0 - sure) / np.maximum(here - 1, 1)
    score = np.where(np.arange(options) == chosen[:, None], sure[:, None], rest[:, None])
    return Output.of(
        view.role,
        n,
        view.width,
        verdict=np.where(here > 0, Verdict.ACCEPT, Verdict.MISSING),
        chosen=chosen,
        confidence=sure,
        score=np.where(subject.present_NK & (here > 0)[:, None], score, np.nan),
        calls=calls,
    )


def _number(revision: NDArray[Any]) -> Revision:
    """One revision number where all cases have the same."""
    first = int(revision[0]) if len(revision) else 0
    return first if (revision == first).all() else revision.astype(np.int64)


def _reviewers(view: View) -> list[Output]:
    """The reviewers it may read, without those that are assigned a side."""
    size, reads = len(view.bits), [r for name, r in (view.reads or {}).items() if name not in view.sides]
    return [r for r in reads if "finding_flag" in r.columns and r["finding_flag"].shape[2] == size]


def _turns(draws: Draws, view: View, candidate: int) -> list[Turn]:
    """What those with a side that it may read claimed of a candidate."""
    shape = (view.width.candidates, len(view.bits))
    reads = [r for name, r in (view.reads or {}).items() if name in view.sides and r["finding_flag"].shape[1:] == shape]
    found = []
    for read in reads:
        flag, present, sure = (read[f"finding_{name}"][:, candidate] for name in ("flag", "present", "confidence"))
        fine = present & ~flag
        found.append(Turn(_word(draws, view, flag[:, None]), _word(draws, view, fine[:, None]), sure))
    return found


def _word(draws: Draws, view: View, flag_nkp: NDArray[np.bool_]) -> Words:
    """Flags of the view's principles on any candidate, as words."""
    word = np.zeros(len(view), draws.kind)
    for i, bit in enumerate(view.bits):
        word |= flag_nkp[:, :, i].any(axis=1).astype(draws.kind) << draws.kind.type(bit)
    return word
