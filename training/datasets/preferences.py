"""Preference pairs: what was settled over what was there before, or what a judge preferred over the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agents.records import Settlement
from training.datasets.eligible import settled, weight_of
from training.datasets.rows import PreferenceRow, answer
from training.datasets.source import Built, Source
from training.datasets.spec import DatasetSpec, PreferenceSpec
from training.lineage import trace


def preferences(source: Source, spec: DatasetSpec) -> Built:
    """Pairs of cases with one of the outcomes; cases whose texts are all equal give none.

    `revised`: for a revised case the final answer is the last response; a redirected one may end in the graph's own
    words, and then those are chosen, never a response that the overseers turned down.
    """
    kept, reasons = settled(source, spec.preferences.outcomes, spec)
    rows: list[PreferenceRow] = []
    for case in kept:
        found = list((_judged if spec.preferences.pairs == "judged" else _revised)(case, source.run, spec))
        if not found:
            reasons["unjudged" if spec.preferences.pairs == "judged" else "unchanged"] += 1
        rows += found
    return Built([*rows], reasons)


def preference_rows(
    settlements: Sequence[Settlement], run: str, spec: DatasetSpec | None = None
) -> list[PreferenceRow]:
    """The pairs of settled cases. Raises InputError when no pair is left, saying why."""
    built = preferences(Source(run, settlements), spec or DatasetSpec())
    return [row for row in built.required("preference", len(settlements)) if isinstance(row, PreferenceRow)]


def _revised(case: Settlement, run: str, spec: DatasetSpec) -> Iterator[PreferenceRow]:
    first = next((one.text for one in case.responses if one.own), "")
    if case.final is not None and first.strip() and first != case.final:
        said = [comparison.over(case.final, first) for comparison in reversed(case.comparisons)]
        judged = None if case.decision else next((p for p in said if p is not None), None)
        yield _pair(case, run, spec, case.final, first, judged)


def _judged(case: Settlement, run: str, spec: DatasetSpec) -> Iterator[PreferenceRow]:
    seen: set[tuple[str, str]] = set()
    for comparison in case.comparisons:
        decided = bool(case.decision) and case.final in comparison.texts
        best = str(case.final) if decided else comparison.texts[comparison.chosen]
        for worse in comparison.texts:
            if worse != best and worse.strip() and (best, worse) not in seen:
                seen.add((best, worse))
                judged = None if decided else comparison.over(best, worse)
                yield _pair(case, run, spec, best, worse, judged, comparison.step)


def _pair(
    case: Settlement, run: str, spec: DatasetSpec, chosen: str, rejected: str, judged: float | None, step: str = ""
) -> PreferenceRow:
    """A pair; `judged` is a judge's probability for `chosen`, None where none compared them or a person decided."""
    weight = weight_of(case, spec.weights)
    return PreferenceRow(
        prompt=case.messages,
        chosen=answer(chosen),
        rejected=answer(rejected),
        margin=2 * (case.agreement if judged is None else judged) - 1,
        weight=weight,
        lineage=trace(case, run, weight, step=step),
        soft_label=soft_label(spec.preferences, judged),
    )


def soft_label(spec: PreferenceSpec, judged: float | None) -> float:
    """The probability that `chosen` is the better one: the judge's, clamped where the spec says so; else 1."""
    if judged is None or spec.label == "hard":
        return 1.0
    low, high = spec.clamp or (0.0, 1.0)
    return min(max(judged, low), high)
