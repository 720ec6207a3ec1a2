"""What label runs found: raters against a reference, and models' labels by kind of prompt."""

from __future__ import annotations

from collections.abc import Mapping

from agents.figures import Estimate, Proportion, Record


class RaterAgreement(Record):
    """A rater against the reference rater on one model's answers.

    `confusion[i][j]` counts answers that the reference gave `labels[i]` and the rater `labels[j]`; only answers that
    both labelled are in it. What the rater (`missing`) or the reference (`reference_missing`) did not label is counted
    apart, an answer that neither labelled in both. `accuracy` is over answers that both labelled.
    """

    model: str
    rater: str
    reference: str
    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    missing: int
    reference_missing: int
    accuracy: Proportion
    kappa: Estimate


class LabelRates(Record):
    """Shares of labels among one model's answers to one kind of prompt.

    `source` is `settled` (after oversight) or the name of a rater alone; `prompts` for example `safe` or `unsafe`.
    `unsettled` counts answers without a label (missing or pending): they are in n and in no label's count.
    """

    model: str
    source: str
    prompts: str
    rates: Mapping[str, Proportion]
    unsettled: int = 0
