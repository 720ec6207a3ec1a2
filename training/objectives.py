"""What one training step minimises: an objective takes a model and a batch and gives the loss and figures to log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from training import losses
from training.config import TrainSpec

Batch = dict[str, Tensor]


class Objective(Protocol):
    """A loss on a batch made by `training.encoding.Collator`."""

    def __call__(self, model: Any, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss (a scalar with gradient) and detached scalars by name."""
        ...


def completion_nll(model: Any, batch: Batch) -> Tensor:
    """-log p of every completion token, [rows, T - 1]; 0 elsewhere. One forward pass over all rows of the batch."""
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False).logits
    return losses.token_nll(logits, batch["labels"])


@dataclass(frozen=True, slots=True)
class SftObjective:
    """Completion-only weighted cross-entropy (`losses.sft_loss`)."""

    def __call__(self, model: Any, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss; nothing else to log."""
        return losses.sft_loss(completion_nll(model, batch), batch["labels"], batch["weight_B"]), {}


@dataclass(frozen=True, slots=True)
class DpoObjective:
    """DPO on the pairs of a batch plus `sft_weight` times the supervised loss on every chosen and supervised row."""

    beta: float
    sft_weight: float

    def __call__(self, model: Any, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss and its parts; a batch that happens to hold no pair has the supervised term alone."""
        nll = completion_nll(model, batch)
        rows = len(batch["weight_B"])
        supervised = losses.sft_loss(nll[:rows], batch["labels"][:rows], batch["weight_B"])
        figures = {"sft_loss": supervised.detach()}
        if "pair_P" not in batch:
            return self.sft_weight * supervised, figures
        terms = self._preference(losses.sequence_log_probability(nll), batch, rows)
        figures |= {
            "dpo_loss": terms.loss.detach(),
            "margin": terms.margin_P.mean(),
            "accuracy": (terms.margin_P > 0).float().mean(),
        }
        return losses.regularised_dpo_loss(terms.loss, supervised, self.sft_weight), figures

    def _preference(self, log_probability: Tensor, batch: Batch, rows: int) -> losses.DpoTerms:
        pair_P = batch["pair_P"]
        return losses.dpo_loss(
            chosen_P=log_probability[:rows][pair_P],
            rejected_P=log_probability[rows:],
            reference_chosen_P=batch["reference_chosen_P"],
            reference_rejected_P=batch["reference_rejected_P"],
            beta=self.beta,
            label_P=batch["soft_label_P"],
            weight_P=batch["weight_B"][pair_P],
        )


def objective_of(spec: TrainSpec) -> Objective:
    """The objective that a spec asks for."""
    if spec.method == "dpo":
        return DpoObjective(spec.beta, spec.sft_weight)
    return SftObjective()
