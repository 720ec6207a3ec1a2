"""All checks of one training set, as kept in `audit.json` and shown in the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.figures import Record
from training.checks.columns import Columns
from training.checks.contamination import Contamination, contamination
from training.checks.coverage import Coverage, coverage
from training.checks.distinct import Distinct, distinct
from training.checks.drift import Drifts, drifts
from training.checks.duplicates import Duplicates, near_duplicates
from training.checks.noise import Correct, LabelNoise, Looked, disputed, label_noise
from training.checks.self_bleu import SelfBleu, self_bleu
from training.checks.spec import CheckSpec
from training.checks.vendi import Vendi, cosine, ngram_kernel, vendi_of
from training.checks.words import keyed_sample, words

Embed = Callable[[Sequence[str]], NDArray[np.float64]]
"""Texts to vectors [N, D], none of them zero."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What a set is compared with, as far as it is known.

    Attributes:
        prompts: evaluation prompts, by the name of where they come from; empty: none were given.
        principles: ids of the constitution's principles; None: not known.
        reference: the base's own answers by the row's name, or a flat list of answers of any other origin.
        reference_name: what the reference is, in words.
        sampled: by the row's name, whether a person flagged the case when it was drawn by chance.
        correct: takes people's own errors out of label noise.
        embed: hidden states of the model that learns, for that kernel.
    """

    prompts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    principles: Sequence[str] | None = None
    reference: Mapping[str, str] | Sequence[str] = ()
    reference_name: str = ""
    sampled: Mapping[str, bool] = field(default_factory=dict)
    correct: Correct | None = None
    embed: Embed | None = None


class Diversity(Record):
    """How varied answers are."""

    answers: int
    distinct: Distinct
    self_bleu: SelfBleu
    vendi: Vendi


class Gate(Record):
    """One limit: its key, what it limits in words, the figure (None: not known), the limit, and what would do."""

    key: str
    what: str
    value: float | None
    limit: float
    met: bool
    remedy: str

    @property
    def line(self) -> str:
        """The limit and the figure in one line."""
        found = "is not known" if self.value is None else f"is {self.value:.4g}"
        bound = "at most" if self.key.startswith("max_") else "at least"
        return f"{self.what} {found}, and {self.key} allows {bound} {self.limit:.4g}"


class SetAudit(Record):
    """What was found about one training set.

    Attributes:
        arm, name: whose set it is and what it is called, such as `layers` and `sft`.
        rows: rows in it; hidden: it is made of the hidden layer, so that no example is kept.
        words: words in its answers; checks: how it was measured.
        evaluation: where the evaluation prompts come from, and how many there are.
        diversity: of its answers; reference: of the reference's answers, at the same number of words and of texts.
        drifts: against the reference, None without one; reference_name: what the reference is.
        coverage: None for rows without lineage; noise: empty where nobody looked at a row's case.
        gates: every limit that is set, and whether it is met.
    """

    arm: str
    name: str
    rows: int
    hidden: bool
    words: int
    checks: dict[str, Any]
    duplicates: Duplicates
    contamination: Contamination
    evaluation: dict[str, int]
    diversity: Diversity
    reference: Diversity | None
    reference_name: str
    drifts: Drifts | None
    coverage: Coverage | None
    noise: tuple[LabelNoise, ...]
    gates: tuple[Gate, ...] = ()


def audit(arm: str, name: str, columns: Columns, spec: CheckSpec, outside: Outside) -> SetAudit:
    """Every check of one set. Samples are drawn by key: the same rows and spec give the same figures."""
    answers, reference, paired = _against(columns, outside)
    read = [words(text) for text in columns.answers]
    total = sum(map(len, read))
    budget = min(spec.budget, total, *([sum(len(words(text)) for text in reference)] if reference else []))
    prompts = [prompt for some in outside.prompts.values() for prompt in some]
    texts = [f"{prompt}\n{answer}" for prompt, answer in zip(columns.prompts, columns.answers, strict=True)]
    repeats = near_duplicates(texts, columns.names, spec.duplicates)
    leaks = contamination(columns, prompts, spec.contamination)
    hide = {"worst": ()}
    return SetAudit(
        arm=arm,
        name=name,
        rows=len(columns),
        hidden=columns.hidden,
        words=total,
        checks=spec.model_dump(mode="json"),
        duplicates=repeats.model_copy(update=hide) if columns.hidden else repeats,
        contamination=leaks.model_copy(update=hide) if columns.hidden else leaks,
        evaluation={name: len(some) for name, some in outside.prompts.items()},
        diversity=diversity(columns.answers, budget, spec, outside.embed),
        reference=diversity(reference, budget, spec, outside.embed) if reference else None,
        reference_name=outside.reference_name if reference else "",
        drifts=_drifts(answers, reference, paired, spec, columns.hidden),
        coverage=coverage(columns.lineages, outside.principles) if columns.lineages else None,
        noise=_noise(columns, spec, outside),
    )


def diversity(answers: Sequence[str], budget: int, spec: CheckSpec, embed: Embed | None) -> Diversity:
    """Distinct-n over the budget; self-BLEU and Vendi score of a keyed sample."""
    drawn = [answers[i] for i in keyed_sample(answers, spec.sample, spec.seed, "diversity")]
    read = [words(text) for text in drawn]
    if spec.kernel == "hidden" and embed is not None:
        vectors = embed(drawn)
        score = vendi_of(cosine(vectors @ vectors.T), "hidden")
    else:
        score = vendi_of(ngram_kernel(read), "ngrams")
    return Diversity(
        answers=len(answers),
        distinct=distinct([words(text) for text in answers], budget, spec.seed),
        self_bleu=self_bleu(read, spec.seed),
        vendi=score,
    )


def _against(columns: Columns, outside: Outside) -> tuple[list[str], list[str], bool]:
    """Answers and the reference to compare them with, and whether they are answers to the same cases."""
    if not isinstance(outside.reference, Mapping):
        return list(columns.answers), list(outside.reference), False
    # What a set of the hidden layer teaches is not what the base says to users.
    known = [i for i, name in enumerate(columns.names) if name in outside.reference and not columns.hidden]
    return [columns.answers[i] for i in known], [outside.reference[columns.names[i]] for i in known], True


def _drifts(
    answers: Sequence[str], reference: Sequence[str], paired: bool, spec: CheckSpec, hidden: bool
) -> Drifts | None:
    if not reference or not answers:
        return None
    found = drifts(answers, reference, paired, spec.refusals, spec.seed)
    return found.model_copy(update={"openings": ()}) if hidden else found


def _noise(columns: Columns, spec: CheckSpec, outside: Outside) -> tuple[LabelNoise, ...]:
    drawn = [Looked(False, outside.sampled[name]) for name in columns.names if name in outside.sampled]
    found = disputed(columns.lineages, spec.human)
    kinds = ((drawn, "sample"), (found, "disputed"))
    return tuple(label_noise(some, source, outside.correct) for some, source in kinds if some)  # type: ignore[arg-type]
