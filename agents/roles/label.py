"""Labelling: a reviewer that answers with one word of the graph's vocabulary in place of findings."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.asking import Asker, reviewed, texts
from agents.columns import Output
from agents.model import Use
from agents.view import View
from agents.vocabulary import Verdict


def label(asker: Asker, view: View) -> Output:
    """The most probable label of the response per case; missing where there is no response or no readable answer."""
    subject, _, present, revision = reviewed(view)
    rows = np.flatnonzero(present[:, 0])
    scored = asker.score(
        Use.LABEL,
        view,
        "label",
        rows,
        view.labels,
        seed=asker.seeds(Use.LABEL, view, rows, revision[rows, 0]),
        slots={"response": lambda: texts(subject[rows, 0]), "labels": ", ".join(view.labels)},
    )
    probability = np.full((len(view), len(view.labels)), np.nan)
    probability[rows] = scored.probability_NL
    read = ~np.isnan(probability).any(axis=1)
    sure = np.where(read[:, None], probability, 0.0)
    tokens = np.zeros(len(view), np.int64)
    tokens[rows] = scored.tokens_N
    columns: dict[str, Any] = {
        "verdict": np.where(read, Verdict.ACCEPT, Verdict.MISSING),
        "label": np.where(read, sure.argmax(axis=1), -1),
        "confidence": sure.max(axis=1),
        "calls": np.bincount(rows, minlength=len(view)),
        "tokens": tokens,
    }
    return Output.of(view.role, len(view), view.width, **columns)
