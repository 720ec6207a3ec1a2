"""Supervised learning from a model's own answers, round after round: revised until they pass, rejected, or best of n.

Who critiques, revises and rates is passed in as functions: critics alone, a whole hierarchy, a reward model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.records import Case, Message
from constitutions.errors import InputError
from training.config import TrainSpec
from training.datasets import ASSISTANT, SftRow
from training.lineage import Lineage
from training.output import TrainResult
from training.reward import best_of
from training.sampling import Drawn, Floats

Critique = Callable[[Sequence[Case], Sequence[str]], Sequence[str | None]]
"""Called with cases and answers; what is wrong with each answer, None for one that passes."""
Revise = Callable[[Sequence[Case], Sequence[str], Sequence[str]], Sequence[str]]
"""Called with cases, answers and critiques; a better answer to each."""


@dataclass(frozen=True, slots=True)
class Revised:
    """An answer after its revisions: how many there were, and whether it passed in the end."""

    text: str
    revisions: int
    passed: bool


def revise_until(
    cases: Sequence[Case], drafts: Sequence[str], critique: Critique, revise: Revise, rounds: int
) -> list[Revised]:
    """Critique every answer and revise those that fail, again and again, at most `rounds` revisions each.

    Only answers that have not passed are asked about again. (Bai et al. 2022, section 3: critique and revision.)
    """
    texts, revisions, passed = list(drafts), [0] * len(drafts), [False] * len(drafts)
    open_ = list(range(len(drafts)))
    for done in range(rounds + 1):
        said = critique([cases[i] for i in open_], [texts[i] for i in open_])
        failing = [(i, words) for i, words in zip(open_, said, strict=True) if words is not None]
        for i in set(open_) - {i for i, _ in failing}:
            passed[i] = True
        open_ = [i for i, _ in failing]
        if not open_ or done == rounds:
            break
        better = revise([cases[i] for i in open_], [texts[i] for i in open_], [words for _, words in failing])
        for i, text in zip(open_, better, strict=True):
            texts[i], revisions[i] = text, done + 1
    return [Revised(*each) for each in zip(texts, revisions, passed, strict=True)]


def revised_rows(cases: Sequence[Case], revised: Sequence[Revised], run: str) -> list[SftRow]:
    """A row for every answer that passed; the others never train. Empty answers are left out."""
    return [
        _row(case, each.text, run, ("draft", *(f"revise:{n}" for n in range(1, each.revisions + 1))))
        for case, each in zip(cases, revised, strict=True)
        if each.passed and each.text.strip()
    ]


def rejection_rows(
    cases: Sequence[Case], drawn: Sequence[Sequence[Drawn]], passes_PN: NDArray[np.bool_], run: str, most: int = 1
) -> list[SftRow]:
    """Rejection sampling: of each case's answers the first `most` different ones that pass (Touvron et al. 2023)."""
    rows = []
    for case, answers, passes in zip(cases, drawn, passes_PN, strict=True):
        kept = dict.fromkeys(a.text for a, good in zip(answers, passes, strict=True) if good and a.text.strip())
        rows += [_row(case, text, run, ("sample", "reject")) for text in list(kept)[:most]]
    return rows


def best_of_n_rows(
    cases: Sequence[Case], drawn: Sequence[Sequence[Drawn]], reward_PN: Floats, run: str
) -> list[SftRow]:
    """Best-of-n distillation: of each case's answers the one with the highest reward; without any, none."""
    chosen = best_of(reward_PN)
    return [
        _row(case, answers[int(best)].text, run, ("sample", f"best_of_{len(answers)}"))
        for case, answers, best, rewards in zip(cases, drawn, chosen, reward_PN, strict=True)
        if not np.isnan(rewards).all() and answers[int(best)].text.strip()
    ]


def _row(case: Case, text: str, run: str, steps: tuple[str, ...]) -> SftRow:
    lineage = Lineage(
        run=run,
        arm=steps[-1].partition(":")[0],
        case_id=case.case_id,
        steps=steps,
        principles=(),
        verdicts=(),
        outcome="revised" if steps[-1].startswith("revise") else "released",
        agreement=1.0,
        audited=False,
        weight=1.0,
    )
    return SftRow(case.messages, (Message(ASSISTANT, text),), 1.0, lineage)


def iterate(
    spec: TrainSpec,
    rounds: int,
    make_rows: Callable[[Path, int], Sequence[SftRow]],
    model_path: Path,
    out: Path,
) -> list[TrainResult]:
    """Make rows with the model, fine-tune it on them, and go on with that model; a checkpoint `out`/round-N each.

    `make_rows` is called with (checkpoint, round from 1). The rows of each round are kept beside its checkpoint. Done
    again with functions that give the same rows, finished rounds are returned as they are. Raises InputError when a
    round has no rows.
    """
    from training.files import write_jsonl
    from training.train import train

    results: list[TrainResult] = []
    for number in range(1, rounds + 1):
        rows = make_rows(results[-1].checkpoint if results else model_path, number)
        if not rows:
            raise InputError(f"round {number}: no answer may train; expected at least one that passes")
        write_jsonl(rows, out / f"round-{number}.jsonl")
        path = results[-1].checkpoint if results else model_path
        results.append(train(spec, rows, path, out / f"round-{number}"))
    return results
