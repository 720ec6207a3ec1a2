"""Unpaired answers for KTO: pairs taken apart, and each answer's mismatched one."""

from __future__ import annotations

from collections.abc import Sequence

from constitutions.errors import InputError
from training.datasets import PreferenceRow, SftRow, UnpairedRow
from training.encoding import Encoder, Labelled


def unpair(rows: Sequence[PreferenceRow | UnpairedRow | SftRow]) -> list[UnpairedRow]:
    """Every pair as a good and a bad answer with the pair's weight; supervised rows are good answers. In order."""
    out: list[UnpairedRow] = []
    for row in rows:
        if isinstance(row, UnpairedRow):
            out.append(row)
        elif isinstance(row, SftRow):
            out.append(UnpairedRow(row.prompt, row.completion, True, row.weight, row.lineage))
        else:
            if row.chosen == row.rejected:
                raise InputError(
                    f"{row.lineage.where}: chosen and rejected are the same; expected two different answers"
                )
            out.append(UnpairedRow(row.prompt, row.chosen, True, row.weight, row.lineage))
            out.append(UnpairedRow(row.prompt, row.rejected, False, row.weight, row.lineage))
    return out


def mismatch(rows: Sequence[UnpairedRow]) -> list[int]:
    """For each row the nearest row before it, going round, that answers another prompt: its mismatched completion.

    It is fixed for the whole training, as in TRL, so that the reference model reads it once. Raises InputError where
    all rows have one prompt.
    """
    if all(row.prompt == rows[0].prompt for row in rows):
        raise InputError("training: kto needs answers to at least two prompts; expected rows with different prompts")
    found = []
    for index, row in enumerate(rows):
        other = index - 1
        while rows[other].prompt == row.prompt:
            other -= 1
        found.append(other % len(rows))
    return found


def encode_unpaired(encoder: Encoder, rows: Sequence[UnpairedRow]) -> tuple[list[Labelled], int]:
    """The encoded answers in order, and how many were skipped because a sequence was longer than `max_length`."""
    if not rows:
        return [], 0
    found = []
    for row, other in zip(rows, mismatch(rows), strict=True):
        where = row.lineage.where
        answer = encoder.sequence(row.prompt, row.completion, where)
        mismatched = encoder.sequence(row.prompt, rows[other].completion, where)
        if max(len(answer), len(mismatched)) <= encoder.max_length:
            found.append(Labelled(answer, row.label, row.weight, mismatched, where=where))
    return found, len(rows) - len(found)
