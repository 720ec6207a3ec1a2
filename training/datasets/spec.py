"""What people write about the datasets of a run: the block `datasets` of an experiment, and `--set` of the command."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from agents.spec import Spec
from constitutions.strict import problem

Outcome = Literal["released", "revised", "redirected", "refused"]
TRAINED: tuple[Outcome, ...] = ("released", "revised", "redirected")
CORRECTED: tuple[Outcome, ...] = ("revised", "redirected")
Share = Annotated[float, Field(ge=0, le=1)]
Factor = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class WeightSpec(Spec):
    """How much a row counts: agreement^`agreement` × the factor of the auditor's decision, 1 where none decided.

    `agreement` is the share of the last consensus in the majority; exponent 0 makes all cases count alike. `accept`,
    `revise` and `reject` are factors of cases that a person decided so. A row of weight 0 is left out.
    """

    agreement: Factor = 1.0
    accept: Factor = 1.0
    revise: Factor = 1.0
    reject: Factor = 1.0


class HelpfulSpec(Spec):
    """Helpful data mixed in, so that a model does not only learn to decline.

    Attributes:
        data: JSONL files with `prompt` and `completion` (text or `{role, content}` lists) or `messages`; rows without
            a lineage get one that names file and line. Paths are relative to the working directory.
        ratio: helpful rows for each row of the run.
        seed: which rows are drawn, by a keyed hash, without replacement.
    """

    data: tuple[str, ...] = Field(min_length=1)
    ratio: float = Field(1.0, gt=0, allow_inf_nan=False)
    seed: int = Field(0, ge=0)


class SftSpec(Spec):
    """Supervised rows. `chain: revisions` teaches every revision that led to the final answer too (Bai et al. 2022,
    section 3.2); an answer that nobody revised is taught in both.
    """

    outcomes: tuple[Outcome, ...] = Field(TRAINED, min_length=1)
    chain: Literal["final", "revisions"] = "final"
    helpful: HelpfulSpec | None = None


class PreferenceSpec(Spec):
    """Preference pairs.

    Attributes:
        pairs: `revised`: the final answer over the first one of corrected cases. `judged`: what a judge preferred (or
            a person, who decided after it) over each other response that it compared.
        label: `judge`: the soft label is the judge's probability, its scores normalised over the two answers, and 1
            where no judge compared them or a person decided. `hard`: always 1.
        clamp: bounds that a judge's soft labels are moved into, such as [0.4, 0.6] (Bai et al. 2022, section 4.1).
    """

    outcomes: tuple[Outcome, ...] = Field(CORRECTED, min_length=1)
    pairs: Literal["revised", "judged"] = "revised"
    label: Literal["judge", "hard"] = "judge"
    clamp: tuple[Share, Share] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> PreferenceSpec:
        if self.clamp is not None and self.clamp[0] > self.clamp[1]:
            raise problem(f"{list(self.clamp)}: the lower bound is above the upper one", "clamp")
        return self


class UnpairedSpec(Spec):
    """Answers with a label: what users got is good where the case ended in one of `outcomes`, and what the overseers
    turned down is bad.
    """

    outcomes: tuple[Outcome, ...] = Field(TRAINED, min_length=1)


class RationaleSpec(Spec):
    """Rationale-guided pairs: every example as `prompt → answer` and as `prompt → [strategy] rationale [/strategy]
    answer`.

    Attributes:
        source: `critique`: distilled from the last critique of the case that the hierarchy bore out; `principle`: the
            statements of the principles that reviewers flagged.
        sentences: how many sentences of a critique are kept, the last ones, in which its reasons end.
        drop: sentences with one of these words are no reason, such as a critic's formula for its verdict. Sentences
            that quote six words of the answer under review are dropped, too.
        open, close: the tags.
        plain: how the example without rationale is written: the answer alone, or after empty tags, as at inference.
    """

    outcomes: tuple[Outcome, ...] = Field(TRAINED, min_length=1)
    source: Literal["critique", "principle"] = "critique"
    sentences: int = Field(2, ge=1)
    drop: tuple[str, ...] = ()
    open: str = Field("[strategy]", min_length=1)
    close: str = Field("[/strategy]", min_length=1)
    plain: Literal["answer", "empty"] = "answer"


class OverseerSpec(Spec):
    """What overseers were asked, with what they should have answered.

    Attributes:
        teach: `settled`: the label on which the last word on the same response fell, and only critiques that it bore
            out; questions on which it says nothing are left out. `own`: what the overseer itself answered.
        labels: the questions that are answered with one label (a verdict on a principle, a comparison) too.
    """

    teach: Literal["settled", "own"] = "settled"
    labels: bool = True


class UncertaintySpec(Spec):
    """Notes of how sure reviewers were: a verdict is in doubt where they were divided, or where their mean confidence
    is below `confidence`.
    """

    confidence: float = Field(0.75, ge=0.5, le=1)


class DatasetSpec(Spec):
    """The datasets of a run, by kind (see `training.datasets.kinds`).

    `stale`: rows of a case under appeal are left out, or written and marked; marked rows never train.
    """

    weights: WeightSpec = WeightSpec()
    stale: Literal["leave_out", "mark"] = "leave_out"
    sft: SftSpec = SftSpec()
    preferences: PreferenceSpec = PreferenceSpec()
    unpaired: UnpairedSpec = UnpairedSpec()
    rationales: RationaleSpec = RationaleSpec()
    critiques: OverseerSpec = OverseerSpec()
    judgements: OverseerSpec = OverseerSpec()
    safety: OverseerSpec = OverseerSpec()
    uncertainty: UncertaintySpec = UncertaintySpec()
