"""What a reviewer or judge hears of the steps it may read, as text for a prompt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.columns import Output
from agents.style import PromptStyle
from agents.transcript import indented
from agents.view import View
from agents.vocabulary import RESPONDERS, Verdict


def others(view: View, style: PromptStyle) -> list[str]:
    """Per row, a paragraph for each step in `view.reads`, in their order, headed by its name and its side, if it has
    one; empty where none of them said anything.

    No line of a paragraph can pose as a heading or as another step's.
    """
    parts = [_paragraphs(view, name, _say(view, output, style), style) for name, output in (view.reads or {}).items()]
    return _joined(parts) or [""] * len(view)


def _paragraphs(view: View, name: str, said: list[str], style: PromptStyle) -> list[str]:
    side = view.sides.get(name)
    shown = {words: indented(style.shown(name, side, words)) if words else "" for words in set(said)}
    return [shown[words] for words in said]


def _joined(columns: Sequence[Sequence[str | None]]) -> list[str]:
    """The parts of each row that say something, one to a line."""
    rows = zip(*columns, strict=True)
    if all(map(all, columns)):
        return ["\n".join(row) for row in rows]
    return ["\n".join([part for part in row if part]) for row in rows]


def _say(view: View, output: Output, style: PromptStyle) -> list[str]:
    """What one step said, per row: its text or critique, and its findings in the style's words."""
    if output.role in RESPONDERS:
        return ["\n".join([text for text in row if text is not None]) for row in output["text"].tolist()]
    critique = [output["critique"].tolist()] if "critique" in output.columns else []
    return _joined([column for column in critique if any(column)] + [_findings(view, output, style)])


def _findings(view: View, output: Output, style: PromptStyle) -> list[str]:
    """The findings per row; empty where the verdict is missing. Rows that found the same are put in words once."""
    ids, verdict = view.constitution.ids, output["verdict"]
    if "finding_flag" not in output.columns or output["finding_flag"].shape[2] != len(ids):
        said = ["" if v == Verdict.MISSING else f"says {v.name.lower()}" for v in Verdict]
        return [said[code] for code in verdict.tolist()]
    present = np.asarray(output["finding_present"].any(axis=1) & (verdict != Verdict.MISSING)[:, None])
    flag = np.asarray(output["finding_flag"].any(axis=1))
    told: dict[bytes, str] = {}
    out = []
    for n, found in enumerate(_codes(present, flag)):
        if found not in told:
            where = np.flatnonzero(present[n]).tolist()
            told[found] = style.found({ids[p]: bool(flag[n, p]) for p in where})
        out.append(told[found])
    return out


def _codes(*flags: NDArray[np.bool_]) -> list[bytes]:
    """The flags of each row as bytes; equal where all are equal."""
    packed = np.packbits(np.concatenate(flags, axis=1), axis=1)
    whole, width = packed.tobytes(), packed.shape[1]
    return [whole[i : i + width] for i in range(0, len(whole), width)]
