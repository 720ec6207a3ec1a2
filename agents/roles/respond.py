"""Base and reviser: those who write what users see."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.asking import Asker, at, phrasing, reviewed, texts
from agents.columns import Output
from agents.model import Generated, Use
from agents.view import View
from agents.vocabulary import Verdict


def answer(asker: Asker, view: View) -> Output:
    """The base: `view.candidates` first answers per case, each from its own random key."""
    rows, candidate = _grid(view, np.arange(len(view)))
    seed = asker.seeds(Use.RESPOND, view, rows, 0, candidate)
    written = asker.generate(Use.RESPOND, view, "base", rows, seed=seed, slots={})
    return _output(view, (rows, candidate), written, np.zeros(len(view), np.int16), np.full(len(view), -1))


def revise(asker: Asker, view: View) -> Output:
    """The reviser: a better answer, with the critiques it may read, or blind where there is none.

    Each row has the template that its own critiques call for. Of several candidates the first present one is revised;
    where there is no response, there is nothing to revise, and the revision is absent.
    """
    subject, _, present, revision = reviewed(view)
    first = present.argmax(axis=1)
    parent = revision[np.arange(len(view)), first]
    critique = critiques(view)
    principles = view.constitution.principles
    which = _most_severe(view)
    rows, candidate = _grid(view, np.flatnonzero(present.any(axis=1)))
    drawn = phrasing(asker, "revision", view, np.arange(len(view)), 1 << 20, parent)

    def requests() -> list[str]:
        asked = [principles[p].revision_requests for p in at(which, rows)]
        return [some[n % len(some)] for some, n in zip(asked, drawn[rows].tolist(), strict=True)]

    written = asker.generate(
        Use.REVISE,
        view,
        ["revise" if said else "revise_blind" for said in at(critique, rows)],
        rows,
        seed=asker.seeds(Use.REVISE, view, rows, parent[rows] + 1, candidate),
        slots={
            "response": lambda: texts(subject[rows, first[rows]]),
            "critique": lambda: at(critique, rows),
            "revision_request": requests,
            "principle_id": lambda: [principles[p].id for p in at(which, rows)],
            "statement": lambda: [principles[p].statement for p in at(which, rows)],
        },
    )
    counts = np.array([len(principle.revision_requests) for principle in principles], np.int64)[which]
    return _output(view, (rows, candidate), written, parent + 1, drawn % counts)


def _grid(view: View, cases: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and candidate of every answer to write for the given cases, case by case."""
    return np.repeat(cases, view.candidates), np.tile(np.arange(view.candidates), len(cases))


def critiques(view: View) -> list[str]:
    """What the steps it may read wrote about the response, joined in their order, per case."""
    columns = [output["critique"] for output in (view.reads or {}).values() if "critique" in output.columns]
    return ["\n".join([said for said in row if said]) for row in zip(*columns, strict=True)] or [""] * len(view)


def _most_severe(view: View) -> list[int]:
    """The principle a revision is asked for by: the flagged one of highest severity, else the first."""
    worst = np.zeros((len(view), len(view.constitution.principles)))
    for output in (view.reads or {}).values():
        if "finding_flag" in output.columns and output["finding_flag"].shape[2] == worst.shape[1]:
            flagged = output["finding_flag"].any(axis=1) * (1e-6 + output["finding_severity"].max(axis=1))
            worst = np.maximum(worst, flagged)
    which: list[int] = worst.argmax(axis=1).tolist()
    return which


def _output(
    view: View,
    at: tuple[NDArray[np.int64], NDArray[np.int64]],
    written: Generated,
    revision: NDArray[Any],
    phrasings: NDArray[Any],
) -> Output:
    """What was written, each answer at its (case, candidate); a case that was not asked has none and cost nothing."""
    shape, (rows, _) = (len(view), view.candidates), at
    present = np.zeros(shape, bool)
    words: NDArray[np.object_] = np.full(shape, None, object)
    present[at] = written.present_N
    words[at] = np.where(written.present_N, written.text_N, np.array(None, object))
    return Output.of(
        view.role,
        len(view),
        view.width,
        verdict=np.where(present.any(axis=1), Verdict.ACCEPT, Verdict.MISSING),
        text=words,
        present=present,
        revision=revision,
        phrasing=phrasings,
        calls=np.bincount(rows, minlength=len(view)),
        tokens=np.bincount(rows, written.tokens_N, len(view)).astype(np.int64),
        written=np.bincount(rows, written.written_N, len(view)).astype(np.int64),
    )
