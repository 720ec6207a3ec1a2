"""What report and terminal say about a training set: every figure as a line, with its interval and its limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agents.figures import Estimate, Proportion
from experiments.report.data import Data, figures
from experiments.report.wording import NONE, interval, number, percent
from training.checks.drift import Drift
from training.checks.noise import LabelNoise
from training.checks.summary import Diversity, Gate, SetAudit


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a line counts: its heading, its definition in a sentence, and the gate that may limit it."""

    title: str
    definition: str
    gate: str


MEANINGS = {
    "near_duplicates": Meaning(
        "Near-duplicate rows",
        "Rows (prompt and answer) whose shingles of words have a Jaccard index with an earlier row at or above the "
        "threshold; candidates by MinHash, each compared exactly.",
        "max_near_duplicates",
    ),
    "contamination": Meaning(
        "Evaluation prompts given away",
        "Evaluation prompts that are a row's prompt word for word, or most of whose runs of words occur in the set.",
        "max_contamination",
    ),
    "distinct_1": Meaning("Distinct-1", "Distinct words over words, at a fixed number of words.", "min_distinct_1"),
    "distinct_2": Meaning("Distinct-2", "Distinct pairs of words over words, likewise.", "min_distinct_2"),
    "distinct_3": Meaning("Distinct-3", "Distinct triples of words over words, likewise.", "min_distinct_3"),
    "self_bleu": Meaning(
        "Self-BLEU",
        "Mean BLEU-4 of an answer against all others in a sample: 1 when all say the same.",
        "max_self_bleu",
    ),
    "vendi": Meaning(
        "Vendi score",
        "How many different answers there are in effect, in a sample: 1 when all say the same. By word n-grams unless "
        "it says otherwise.",
        "min_vendi",
    ),
    "length": Meaning(
        "Length drift",
        "Words in an answer: mean minus the reference's, in standard deviations.",
        "max_length_drift",
    ),
    "refusals": Meaning(
        "Refusal drift",
        "Answers with a stock refusal: share minus the reference's, in standard deviations.",
        "max_refusal_drift",
    ),
    "principles": Meaning(
        "Rows of the rarest principle",
        "Rows on whose path a reviewer flagged it, for the principle of the constitution with fewest.",
        "min_rows_per_principle",
    ),
    "noise_sample": Meaning(
        "Label noise, sampled",
        "Of rows drawn by chance for audit, all labelled fine, those that a person flagged; corrected for the "
        "auditors' own errors where these are known.",
        "max_label_noise",
    ),
    "noise_disputed": Meaning(
        "Label noise, disputed",
        "Of rows that came to a person, those where the person contradicts the last verdict before; these are hard "
        "cases and stand for no others.",
        "max_label_noise",
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One figure: its key in `MEANINGS`, value, interval, the same of the reference, what it is over, and its gate."""

    key: str
    value: str
    interval: str
    reference: str
    basis: str
    gate: Gate | None

    @property
    def title(self) -> str:
        """Its heading."""
        return MEANINGS[self.key].title

    @property
    def met(self) -> bool:
        """Whether no limit is broken."""
        return self.gate is None or self.gate.met


def title_of_set(found: SetAudit) -> str:
    """`layers / sft`."""
    return " / ".join(part for part in (found.arm, found.name) if part)


def lines(found: SetAudit) -> list[Line]:
    """Every figure of a set, in the order of `MEANINGS`; what is not known is left out, unless a limit asks for it."""
    gates = {gate.key: gate for gate in found.gates}
    made = {key: (value, ends, other, basis) for key, value, ends, other, basis in _cells(found)}
    noisy = [key for key in ("noise_sample", "noise_disputed") if key in made]
    shown = []
    for key, meaning in MEANINGS.items():
        gate = gates.get(meaning.gate)
        if key.startswith("noise") and key != (noisy[0] if noisy else "noise_sample"):
            gate = None  # the limit is on the better of the two
        if key in made:
            shown.append(Line(key, *made[key], gate))
        elif gate is not None:
            basis = "no evaluation prompts" if key == "contamination" else "not known"
            shown.append(Line(key, NONE, "", "", basis, gate))
    return shown


_KERNELS = {"ngrams": "", "hidden": ", hidden states"}
_Cells = tuple[str, str, str, str, str]


def _cells(found: SetAudit) -> Iterator[_Cells]:
    repeats, leaks = found.duplicates, found.contamination
    basis = f"{repeats.repeats:,} rows, {repeats.exact:,} word for word"
    yield "near_duplicates", percent(repeats.share), "counted", "", basis
    if leaks.prompts:
        over = f"{leaks.exact + leaks.overlapping:,} of {leaks.prompts:,} prompts, {leaks.exact:,} word for word"
        yield "contamination", percent(leaks.share), "counted", "", over
    yield from _diversity(found.diversity, found.reference)
    if found.drifts is not None:
        yield _drift("length", found.drifts.length, 1, " words")
        yield _drift("refusals", found.drifts.refusals, 100, " %")
    if found.coverage is not None and found.coverage.fewest is not None:
        names = [name for name, count in found.coverage.principles.items() if count == found.coverage.fewest]
        yield "principles", number(found.coverage.fewest), "counted", "", ", ".join(names)
    for noise in found.noise:
        yield _noise(noise)


def _diversity(here: Diversity, reference: Diversity | None) -> Iterator[_Cells]:
    for n, value in here.distinct.values.items():
        other = reference.distinct.values[n].value if reference else None
        ends = _ends(value, 3) if value.low is not None else "all words"
        words = f"{here.distinct.budget:,} words"
        yield f"distinct_{n}", number(value.value, 3), ends, _or_none(other, 3), words
    bleu, score = here.self_bleu, here.vendi
    other = reference.self_bleu.value.value if reference else None
    yield "self_bleu", number(bleu.value.value, 3), _ends(bleu.value, 3), _or_none(other, 3), f"{bleu.n:,} answers"
    other = reference.vendi.value.value if reference else None
    over = f"{score.n:,} answers{_KERNELS[score.kernel]}"
    yield (
        "vendi",
        number(score.value.value, 1),
        _ends(score.value, 1),
        _or_none(other, 1),
        over,
    )


def _drift(key: str, drift: Drift, scale: float, unit: str) -> _Cells:
    moved = drift.standardised.value
    value = NONE if moved is None else f"{'+' if moved > 0 else ''}{number(moved, 2)}"
    basis = f"mean {number(scale * drift.mean, 1)}{unit}"
    return key, value, _ends(drift.standardised, 2), f"{number(scale * drift.reference, 1)}{unit}", basis


def _noise(noise: LabelNoise) -> _Cells:
    seen, corrected = noise.both.observed, noise.both.corrected
    basis = f"{seen.count:,} of {seen.n:,} rows"
    if corrected is not None:
        basis += f"; corrected {percent(corrected.value)}"
    return f"noise_{noise.source}", percent(seen.value), interval(seen), "", basis


def _ends(estimate: Estimate | Proportion, digits: int) -> str:
    return interval(estimate, 1, digits)


def _or_none(value: float | None, digits: int) -> str:
    return "" if value is None else number(value, digits)


def training_tables(audits: Sequence[SetAudit]) -> dict[str, Data]:
    """Every figure of every set as rows of `training_data.csv`; none without sets."""
    rows: list[tuple[str, str, str, Estimate | Proportion | None]] = []
    for one in audits:
        known = (one.arm, one.name)
        rows += [(*known, name, value) for name, value in _estimates(one)]
    return {"training_data": figures(("arm", "set", "figure"), rows)} if rows else {}


def _estimates(found: SetAudit) -> Iterator[tuple[str, Estimate | Proportion]]:
    repeats, leaks = found.duplicates, found.contamination
    yield "near-duplicate rows", _counted(repeats.share)
    yield "evaluation prompts given away", _counted(leaks.share)
    for what, some in (("", found.diversity), ("reference ", found.reference)):
        if some is not None:
            yield from ((f"{what}distinct-{n}", value) for n, value in some.distinct.values.items())
            yield f"{what}self-BLEU", some.self_bleu.value
            yield f"{what}Vendi score", some.vendi.value
    if found.drifts is not None:
        yield "length drift", found.drifts.length.standardised
        yield "refusal drift", found.drifts.refusals.standardised
    if found.coverage is not None:
        yield from ((f"rows of {name}", _counted(count)) for name, count in found.coverage.principles.items())
    for noise in found.noise:
        yield f"label noise, {noise.source}", noise.both.observed
        if noise.both.corrected is not None:
            yield f"label noise, {noise.source}, corrected", noise.both.corrected


def _counted(value: float | None) -> Estimate:
    return Estimate(value=value, low=None, high=None)
