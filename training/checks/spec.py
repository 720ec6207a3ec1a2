"""What people write about the checks before training: how they measure, and the limits that stop it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from agents.spec import Spec

Kernel = Literal["ngrams", "hidden"]
Share = Annotated[float, Field(ge=0, le=1)]

REFUSALS = (
    "i'm sorry",
    "i am sorry",
    "i apologize",
    "my apologies",
    "as an ai",
    "as a language model",
    "i cannot",
    "i can't",
    "i can not",
    "i'm not able to",
    "i am not able to",
    "i'm unable to",
    "i am unable to",
    "i won't",
    "i will not",
    "it is not appropriate",
    "it's not appropriate",
    "i must decline",
)
"""Phrases of stock refusals, after the list of Zou et al. 2023 (Universal and transferable adversarial attacks)."""


class DuplicateSpec(Spec):
    """How near is too near.

    Attributes:
        threshold: two rows are near-duplicates where the Jaccard index of their shingles is at least this.
        shingle: words in a shingle; a shorter row is one shingle.
        permutations: length of a signature; the longer, the fewer pairs are compared for nothing.
    """

    threshold: float = Field(0.8, gt=0, le=1)
    shingle: int = Field(3, ge=1)
    permutations: int = Field(128, ge=16, le=1024)


class ContaminationSpec(Spec):
    """When an evaluation prompt counts as seen.

    Attributes:
        ngram: words in a run; a shorter prompt can only be found whole.
        overlap: share of an evaluation prompt's runs that occur in the training set, from which on it counts as seen.
            70 % of 8-grams is the rule of Chowdhery et al. 2022 (PaLM, section 8).
    """

    ngram: int = Field(8, ge=2)
    overlap: float = Field(0.7, gt=0, le=1)


class CheckSpec(Spec):
    """How a training set is measured before training; docs/training-data.md defines every figure.

    Attributes:
        budget: words over which distinct-n is counted, so that sets of any size compare.
        sample: answers drawn (by key) for self-BLEU and the Vendi score, whose cost grows with their square.
        kernel: of the Vendi score: word `ngrams`, or the `hidden` states of the model that learns.
        refusals: phrases that mark a stock refusal, in lower case.
        human: name of the step at which people decide.
        seed: of the samples and intervals.
    """

    duplicates: DuplicateSpec = DuplicateSpec()
    contamination: ContaminationSpec = ContaminationSpec()
    budget: int = Field(2_000, ge=1)
    sample: int = Field(200, ge=2)
    kernel: Kernel = "ngrams"
    refusals: tuple[str, ...] = REFUSALS
    human: str = "human"
    seed: int = Field(0, ge=0)


class GateSpec(Spec):
    """Limits on a training set; where one is broken nothing trains. None: no limit.

    A limit on a figure that is not known (no audited row, no reference) is broken too. The two that are set from the
    start are known of every set and stop only what is broken beyond doubt.

    Attributes:
        max_near_duplicates: share of rows that repeat an earlier one.
        max_contamination: share of the evaluation prompts that the set gives away; met where there are none.
        min_distinct_1, min_distinct_2, min_distinct_3: distinct-n over the budget.
        max_self_bleu: self-BLEU of the sample; min_vendi: its Vendi score.
        max_length_drift, max_refusal_drift: standardised difference from the reference, its sign apart.
        min_rows_per_principle: rows of the principle that has fewest.
        max_label_noise: share of labels that people contradict (`LabelNoise.rate`).
        checks: how the figures are measured.
    """

    max_near_duplicates: Share | None = 0.95
    max_contamination: Share | None = 0.5
    min_distinct_1: Share | None = None
    min_distinct_2: Share | None = None
    min_distinct_3: Share | None = None
    max_self_bleu: Share | None = None
    min_vendi: Annotated[float, Field(ge=1)] | None = None
    max_length_drift: Annotated[float, Field(ge=0)] | None = None
    max_refusal_drift: Annotated[float, Field(ge=0)] | None = None
    min_rows_per_principle: Annotated[int, Field(ge=0)] | None = None
    max_label_noise: Share | None = None
    checks: CheckSpec = CheckSpec()
