"""Rationale-guided pairs, which teach why and not only what. Hidden layer: the rationale is a critique's.

Every example is taught twice: `prompt → answer`, and `prompt → [strategy] rationale [/strategy] answer`. At inference
the answer begins with empty tags (`prefix` of a transformers model), so that no user is shown a rationale.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from agents.records import Settlement
from agents.reviews import Review
from training.datasets.eligible import settled, weight_of
from training.datasets.rows import SftRow, answer
from training.datasets.source import Built, Source
from training.datasets.spec import DatasetSpec, RationaleSpec
from training.lineage import HIDDEN, trace

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"\w+")
_ASCII = bytes(ord(chr(code).lower()) if _WORD.match(chr(code)) else ord(" ") for code in range(128)).ljust(256)
_QUOTE = 6


def rationales(source: Source, spec: DatasetSpec) -> Built:
    """Two rows a case. Cases without a critique that was borne out, or with nothing left of it, are left out."""
    wanted = spec.rationales
    kept, reasons = settled(source, wanted.outcomes, spec)
    last = _critiques(source.reviews()) if wanted.source == "critique" else {}
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


def _critiques(reviews: Sequence[Review]) -> dict[str, tuple[str, str]]:
    """The last critique of each case's first response that the hierarchy bore out, with that response, by case id.

    Of a corrected case the first response is what was corrected: what is said of its last one teaches no reason.
    """
    found: dict[str, tuple[str, str]] = {}
    first: dict[str, str] = {}
    for review in reviews:
        judged = review.response_NK[np.arange(len(review.first_N)), review.first_N]
        columns = (review.case_id_N, review.critique_N, judged, review.borne_out_N)
        for case, critique, response, borne_out in zip(*(column.tolist() for column in columns), strict=True):
            if critique is not None and response == first.setdefault(case, response) and borne_out:
                found[case] = (critique, response or "")
    return found


def _reason(
    case: Settlement,
    critiques: Mapping[str, tuple[str, str]],
    statements: Mapping[str, str],
    spec: RationaleSpec,
) -> str:
    if spec.source == "principle":
        return " ".join(statements[name] for name in case.principles if name in statements)
    critique, response = critiques.get(case.case_id, ("", ""))
    return distilled(critique, response, spec)


def distilled(critique: str, response: str, spec: RationaleSpec) -> str:
    """The last sentences of a critique that give reasons (see `RationaleSpec`), on one line and without tags."""
    dropped, said = {word.lower().encode() for word in spec.drop}, _spaced(_words(response))
    kept: list[str] = []
    for sentence in reversed(_SENTENCE.split(critique.replace(spec.open, " ").replace(spec.close, " "))):
        words = _words(sentence)
        if words and dropped.isdisjoint(words) and not _quoted(words, said):
            kept.append(" ".join(sentence.split()))
            if len(kept) == spec.sentences:
                break
    return " ".join(reversed(kept))


def _words(text: str) -> list[bytes]:
    """The runs of letters, digits and underscores, in lower case and UTF-8."""
    if text.isascii():
        return text.encode().translate(_ASCII).split()
    return [word.encode() for word in _WORD.findall(text.lower())]


def _spaced(words: Sequence[bytes]) -> bytes:
    return b" " + b" ".join(words) + b" "


def _quoted(words: Sequence[bytes], said: bytes) -> bool:
    """Whether a run of `_QUOTE` of the words is among those said."""
    return any(_spaced(words[first : first + _QUOTE]) in said for first in range(len(words) - _QUOTE + 1))
