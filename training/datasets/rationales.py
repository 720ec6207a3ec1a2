"""Rationale-guided pairs, which teach why and not only what. Hidden layer: the rationale is a critique's.

Every example is taught twice: `prompt → answer`, and `prompt → [strategy] rationale [/strategy] answer`. At inference
the answer begins with empty tags (`prefix` of a transformers model), so that no user is shown a rationale.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from agents.model import Use
from agents.records import Question, Settlement
from training.datasets.eligible import settled, weight_of
from training.datasets.rows import SftRow, answer
from training.datasets.source import Built, Source
from training.datasets.spec import DatasetSpec, RationaleSpec
from training.lineage import HIDDEN, trace

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"\w+")
_QUOTE = 6


def rationales(source: Source, spec: DatasetSpec) -> Built:
    """Two rows a case. Cases without a critique that was borne out, or with nothing left of it, are left out."""
    wanted = spec.rationales
    kept, reasons = settled(source, wanted.outcomes, spec)
    last = _critiques(source.questions((Use.CRITIQUE,), False)) if wanted.source == "critique" else {}
    rows: list[SftRow] = []
    for case in kept:
        reason = _reason(case, last, source.statements, wanted)
        if not reason:
            reasons["no rationale"] += 1
        elif wanted.open in (case.final or "") or wanted.close in (case.final or ""):
            reasons["tag in the answer"] += 1
        else:
            rows += _pair(case, source.run, reason, spec)
    return Built([*rows], reasons)


def empty_tags(spec: RationaleSpec) -> str:
    """What every answer begins with at inference."""
    return f"{spec.open} {spec.close}"


def _pair(case: Settlement, run: str, reason: str, spec: DatasetSpec) -> list[SftRow]:
    wanted, final, weight = spec.rationales, case.final or "", weight_of(case, spec.weights)
    plain = final if wanted.plain == "answer" else f"{empty_tags(wanted)} {final}"
    guided = f"{wanted.open} {reason} {wanted.close} {final}"
    lineage = trace(case, run, weight, HIDDEN)
    return [SftRow(case.messages, answer(text), weight, lineage) for text in (plain, guided)]


def _critiques(questions: Sequence[Question]) -> dict[tuple[str, str], tuple[str, str]]:
    """The last critique of each case's first response that the hierarchy bore out, with that response, by (arm, case).

    Of a corrected case the first response is what was corrected: what is said of its last one teaches no reason.
    """
    found: dict[tuple[str, str], tuple[str, str]] = {}
    first: dict[tuple[str, str], str] = {}
    for question in questions:
        key = (question.arm, question.case_id)
        if question.response == first.setdefault(key, question.response) and question.settled:
            found[key] = (question.settled, question.response)
    return found


def _reason(
    case: Settlement,
    critiques: Mapping[tuple[str, str], tuple[str, str]],
    statements: Mapping[str, str],
    spec: RationaleSpec,
) -> str:
    if spec.source == "principle":
        return " ".join(statements[name] for name in case.principles if name in statements)
    critique, response = critiques.get((case.arm, case.case_id), ("", ""))
    return distilled(critique, response, spec)


def distilled(critique: str, response: str, spec: RationaleSpec) -> str:
    """The last sentences of a critique that give reasons (see `RationaleSpec`), on one line and without tags."""
    dropped = {word.lower() for word in spec.drop}
    quotes = _runs(_WORD.findall(response.lower()))
    kept = []
    for sentence in _SENTENCE.split(critique.replace(spec.open, " ").replace(spec.close, " ")):
        words = _WORD.findall(sentence.lower())
        if words and not dropped & set(words) and not quotes & _runs(words):
            kept.append(" ".join(sentence.split()))
    return " ".join(kept[-spec.sentences :])


def _runs(words: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + _QUOTE]) for i in range(len(words) - _QUOTE + 1)}
