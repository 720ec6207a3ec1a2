"""Base and reviser: those who write what users see."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.asking import Asker, phrasing, reviewed, text
from agents.columns import Output
from agents.model import Generated, Use
from agents.view import View
from agents.vocabulary import Verdict


def answer(asker: Asker, view: View) -> Output:
    """The base: `view.candidates` first answers per case, each from its own random key."""
    rows, candidate = _grid(view)
    seed = asker.seeds(Use.RESPOND, view, rows, 0, candidate)
    written = asker.generate(Use.RESPOND, view, "base", rows, seed=seed, slots=lambda i: {})
    return _output(view, written, np.zeros(len(view), np.int16), np.full(len(view), -1))


def revise(asker: Asker, view: View) -> Output:
    """The reviser: a better answer, with the critiques it may read, or blind where it may read none."""
    subject, latent, _, revision = reviewed(view)
    critique = critiques(view)
    blind = all(not c for c in critique)
    principles = view.constitution.principles
    which = _most_severe(view)
    rows, candidate = _grid(view)
    drawn = phrasing(asker, "revision", view, np.arange(len(view)), 1 << 20, revision[:, 0])

    def slots(i: int) -> dict[str, str]:
        n = int(rows[i])
        requests = principles[which[n]].revision_requests
        return {
            "response": text(subject[n, 0]),
            "critique": critique[n],
            "revision_request": requests[int(drawn[n]) % len(requests)],
            "principle_id": principles[which[n]].id,
            "statement": principles[which[n]].statement,
        }

    written = asker.generate(
        Use.REVISE,
        view,
        "revise_blind" if blind else "revise",
        rows,
        seed=asker.seeds(Use.REVISE, view, rows, revision[rows, 0] + 1, candidate),
        slots=slots,
        latent=latent[rows, :1],
        revision=revision[rows, 0] + 1,
    )
    counts = np.array([len(principles[w].revision_requests) for w in which])
    return _output(view, written, revision[:, 0] + 1, drawn % counts)


def _grid(view: View) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and candidate of every answer to write, case by case."""
    rows = np.repeat(np.arange(len(view)), view.candidates)
    return rows, np.tile(np.arange(view.candidates), len(view))


def critiques(view: View) -> list[str]:
    """What the steps it may read wrote about the response, joined in their order, per case."""
    columns = [output["critique"] for output in (view.reads or {}).values() if "critique" in output.columns]
    return ["\n".join(str(c[n]) for c in columns if c[n]) for n in range(len(view))]


def _most_severe(view: View) -> list[int]:
    """The principle a revision is asked for by: the flagged one of highest severity, else the first."""
    worst = np.zeros((len(view), len(view.constitution.principles)))
    for output in (view.reads or {}).values():
        if "finding_flag" in output.columns and output["finding_flag"].shape[2] == worst.shape[1]:
            flagged = output["finding_flag"].any(axis=1) * (1e-6 + output["finding_severity"].max(axis=1))
            worst = np.maximum(worst, flagged)
    which: list[int] = worst.argmax(axis=1).tolist()
    return which


def _output(view: View, written: Generated, revision: NDArray[Any], phrasings: NDArray[Any]) -> Output:
    shape = (len(view), view.candidates)
    present = written.present_N.reshape(shape)
    return Output.of(
        view.role,
        len(view),
        view.width,
        verdict=np.where(present.any(axis=1), Verdict.ACCEPT, Verdict.MISSING),
        text=np.where(present, written.text_N.reshape(shape), np.array(None, object)),
        latent=np.where(present, written.latent_N.reshape(shape), np.uint64(0)),
        present=present,
        revision=revision,
        phrasing=phrasings,
        calls=np.full(len(view), view.candidates),
        tokens=written.tokens_N.reshape(shape).sum(axis=1),
    )
