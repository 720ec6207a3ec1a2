"""How well raters agree with a reference, and how far the errors of overseers go together.

Labels come from a vocabulary of any size. A label that is None, or -1 in integer columns, was not given: it is
counted apart and is never an answer, right or wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from agents.figures import Estimate
from experiments.metrics.agreement import ABSENT, cohens_kappa, confusion_matrix, encode
from experiments.results.labels import LabelRates, RaterAgreement
from experiments.results.models import CriticLadder
from experiments.statistics import RESAMPLES, bootstrap_estimate, proportion
from experiments.statistics.bootstrap import Floats


def rater_agreement(
    model: str, rater: str, reference: str, reference_labels: Sequence[str | None],
    rater_labels: Sequence[str | None], labels: Sequence[str], seed: int = 0, prompt_N: ArrayLike | None = None,
) -> RaterAgreement:  # fmt: skip
    """Accuracy, confusion and kappa of one rater against the reference on the same answers in the same order.

    `prompt_N` names the prompt of each answer, where answers share one: intervals resample prompts.
    """
    if len(reference_labels) != len(rater_labels):
        raise ValueError(f"{rater} labelled {len(rater_labels)} answers, {reference} {len(reference_labels)}")
    truth, said = encode(reference_labels, labels), encode(rater_labels, labels)
    both = (truth != ABSENT) & (said != ABSENT)
    shared = None if prompt_N is None else np.asarray(prompt_N)[both]
    confusion = confusion_matrix(truth, said, len(labels))
    return RaterAgreement(
        model=model, rater=rater, reference=reference, labels=tuple(labels),
        confusion=tuple(tuple(int(cell) for cell in row) for row in confusion),
        missing=int(np.sum(said == ABSENT)), reference_missing=int(np.sum(truth == ABSENT)),
        accuracy=proportion((truth == said)[both], clusters=shared),
        kappa=cohens_kappa(truth, said, len(labels), seed, prompt_N),
    )  # fmt: skip


def label_rates(
    model: str, source: str, prompts: str, given: Sequence[str | None], labels: Sequence[str],
    prompt_N: ArrayLike | None = None,
) -> LabelRates:  # fmt: skip
    """The share of every label of the vocabulary among all answers; answers without a label stay in n."""
    codes = encode(given, labels)
    rates = {label: proportion(codes == i, clusters=prompt_N) for i, label in enumerate(labels)}
    return LabelRates(model=model, source=source, prompts=prompts, rates=rates, unsettled=int(np.sum(codes == ABSENT)))


def phi(a_N: ArrayLike, b_N: ArrayLike, seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """The phi coefficient (Pearson's correlation of two flag columns) with a bootstrap interval over cases.

    None where one of the columns is constant: a critic that never errs has no error correlation.
    """
    a, b = np.asarray(a_N, dtype=bool), np.asarray(b_N, dtype=bool)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"phi needs two flat columns of one length; got shapes {a.shape} and {b.shape}")
    return bootstrap_estimate(np.column_stack([np.ones_like(a), a, b, a & b]), _phi, seed, resamples)


def _phi(sums: Floats) -> Floats:
    n, a, b, both = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((n * both - a * b) / np.sqrt(a * (n - a) * b * (n - b)))


def critic_ladder(
    names: Sequence[str], errors_CN: ArrayLike, families: Sequence[str] = (), seed: int = 0
) -> CriticLadder:
    """Accuracy and pairwise error correlation of C critics on the same N cases.

    `errors_CN` is True where a critic's verdict is wrong; a verdict that cannot be read is wrong.
    """
    errors = np.asarray(errors_CN, dtype=bool)
    correlation = tuple(tuple(phi(a, b, seed) for b in errors) for a in errors)
    accuracy = tuple(proportion(~row) for row in errors)
    return CriticLadder(names=tuple(names), accuracy=accuracy, correlation=correlation, families=tuple(families))
