"""What one training step minimises: an objective takes a model and a batch and gives the loss and figures to log.

A loss divides by the batch's `step_tokens` and `step_pairs` (`training.batching.divide`), never by its own counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from training import losses, ranks
from training.batching import Batch
from training.config import TrainSpec


class Figure(NamedTuple):
    """A figure to log as a mean: a detached sum, and how many things it is over."""

    total: Tensor
    over: float


Figures = dict[str, Figure]


class Objective(Protocol):
    """A loss on a batch made by one of the collators of `training.batching`."""

    def __call__(self, model: Any, batch: Batch) -> tuple[Tensor, Figures]:
        """The loss (a scalar with gradient) and figures by name; the names never depend on the batch."""
        ...


@runtime_checkable
class StepObjective(Objective, Protocol):
    """An objective that must know something of all the batches of a step before it can tell the loss of one."""

    def prepare(self, model: Any, batches: Sequence[Batch]) -> dict[str, float]:
        """What every batch of the step gets, by name; `batches` are those of this process. No gradient flows."""
        ...


_ROWS = ("input_ids", "attention_mask", "position_ids")


def completion_nll(model: Any, batch: Batch, temperature: float = 1.0) -> Tensor:
    """-log p of every completion token, [rows, T - 1]; 0 elsewhere. One forward pass over all rows of the batch.

    `temperature` divides the logits.
    """
    given = {name: batch[name] for name in _ROWS if name in batch}
    logits = model(**given, use_cache=False).logits
    return losses.token_nll(logits if temperature == 1 else logits / temperature, batch["labels"])


@dataclass(frozen=True, slots=True)
class SftObjective:
    """Completion-only weighted cross-entropy (`losses.sft_loss`), of padded or packed rows."""

    def __call__(self, model: Any, batch: Batch) -> tuple[Tensor, Figures]:
        """The loss; nothing else to log."""
        weight = batch["weight_BT"] if "weight_BT" in batch else batch["weight_B"][:, None]
        return losses.sft_loss(completion_nll(model, batch), batch["step_tokens"], weight), {}


@dataclass(frozen=True, slots=True)
class PairObjective:
    """DPO or IPO on the pairs of a batch plus `sft_weight` times the supervised loss on chosen and supervised rows.

    L = mean over pairs of L_pair + alpha L_sft: the regularised preference optimisation of Liu et al. (2024, arXiv
    2405.16436) and TRL's `rpo_alpha`. Without the second term, pairs from violations alone lower both answers'
    likelihood and the model drifts into refusing. A batch may hold no pair; the second term is then alone.
    """

    beta: float
    sft_weight: float
    identity: bool = False

    def __call__(self, model: Any, batch: Batch) -> tuple[Tensor, Figures]:
        """The loss, its parts, the implicit reward margin (beta delta) and how often it is above 0."""
        nll = completion_nll(model, batch)
        rows = len(batch["weight_B"])
        supervised = losses.sft_loss(nll[:rows], 1, batch["weight_B"][:, None])
        loss_P, margin_P = self._preference(nll, batch, rows)
        loss = self.sft_weight * supervised / batch["step_tokens"]
        if batch["step_pairs"]:
            loss = loss_P.sum() / batch["step_pairs"] + loss
        return loss, {
            "sft_loss": Figure(supervised.detach(), batch["tokens"]),
            "ipo_loss" if self.identity else "dpo_loss": Figure(loss_P.detach().sum(), batch["pairs"]),
            "margin": Figure(margin_P.sum(), batch["pairs"]),
            "accuracy": Figure((margin_P > 0).sum(), batch["pairs"]),
        }

    def _preference(self, nll_BT: Tensor, batch: Batch, rows: int) -> tuple[Tensor, Tensor]:
        """The loss and the margin of each pair, [P]."""
        pair_P, label_P = batch["pair_P"], batch["soft_label_P"]
        weight_P = batch["weight_B"][pair_P]
        log_probability = losses.sequence_log_probability(nll_BT)
        chosen = losses.log_ratio(log_probability[:rows][pair_P], batch["reference_chosen_P"])
        rejected = losses.log_ratio(log_probability[rows:], batch["reference_rejected_P"])
        margin_P = self.beta * (chosen - rejected).detach()
        if not self.identity:
            return losses.dpo_loss(chosen, rejected, self.beta, label_P, weight_P), margin_P
        learnt = (batch["labels"][:, 1:] != losses.IGNORED).sum(dim=1)
        chosen, rejected = chosen / learnt[:rows][pair_P], rejected / learnt[rows:]
        return losses.ipo_loss(chosen, rejected, self.beta, label_P, weight_P), margin_P


@dataclass(frozen=True, slots=True)
class KtoObjective:
    """KTO (`losses.kto_loss`). Its reference point is the mean over all answers of a step, in however many batches and
    on however many processes they are read.
    """

    beta: float
    desirable_weight: float
    undesirable_weight: float

    def prepare(self, model: Any, batches: Sequence[Batch]) -> dict[str, float]:
        """`divergence`: the reference point z0 of the step (`losses.kto_divergence`)."""
        told, count = 0.0, 0
        device: Any = "cpu"
        with torch.no_grad():
            for batch in batches:
                rows = len(batch["desirable_B"])
                apart = losses.sequence_log_probability(completion_nll(model, _rows(batch, slice(rows, None))))
                told += float(losses.log_ratio(apart, batch["reference_mismatched_B"]).sum())
                count, device = count + rows, apart.device
        ratio, over = ranks.total((told, count), device)
        return {"divergence": float(losses.kto_divergence(torch.tensor(ratio / max(over, 1.0))))}

    def __call__(self, model: Any, batch: Batch) -> tuple[Tensor, Figures]:
        """The loss, the reference point, and the mean log-ratios of good and of bad answers."""
        desirable, divergence = batch["desirable_B"], float(batch["divergence"])
        rows = len(desirable)
        answers = losses.sequence_log_probability(completion_nll(model, _rows(batch, slice(0, rows))))
        ratio = losses.log_ratio(answers, batch["reference_B"])
        loss = losses.kto_loss(
            ratio,
            desirable,
            divergence,
            self.beta,
            self.desirable_weight,
            self.undesirable_weight,
            batch["weight_B"],
        )
        moved = self.beta * ratio.detach()
        return loss.sum() / batch["step_pairs"], {
            "divergence": Figure(torch.tensor(divergence * rows, device=moved.device), rows),
            "desirable": Figure((moved * desirable).sum(), batch["good"]),
            "undesirable": Figure((moved * ~desirable).sum(), rows - batch["good"]),
        }


@dataclass(frozen=True, slots=True)
class RewardObjective:
    """The reward model's loss (`losses.reward_loss`); `margin` scales the rows' margins, 0 leaves them out."""

    margin: float
    centring: float

    def __call__(self, model: Any, batch: Batch) -> tuple[Tensor, Figures]:
        """The loss, how often the chosen answer has the higher reward, by how much, and the mean reward."""
        given = {name: batch[name] for name in _ROWS if name in batch}
        reward = model(**given, use_cache=False).logits.squeeze(-1).float()
        rows = len(batch["weight_B"])
        chosen, rejected = reward[:rows], reward[rows:]
        loss_P = losses.reward_loss(
            chosen,
            rejected,
            batch["soft_label_P"],
            batch["weight_B"],
            self.margin * batch["margin_P"],
            self.centring,
        )
        return loss_P.sum() / batch["step_pairs"], {
            "accuracy": Figure((chosen > rejected).sum(), rows),
            "margin": Figure((chosen - rejected).detach().sum(), rows),
            "reward": Figure(reward.detach().sum(), 2 * rows),
        }


def _rows(batch: Batch, part: slice) -> Batch:
    return {name: batch[name][part] for name in ("input_ids", "attention_mask", "labels")}


def objective_of(spec: TrainSpec) -> Objective:
    """The objective that a spec asks for."""
    match spec.method:
        case "sft":
            return SftObjective()
        case "dpo" | "ipo":
            return PairObjective(spec.beta, spec.sft_weight, identity=spec.method == "ipo")
        case "kto":
            return KtoObjective(spec.beta, spec.desirable_weight, spec.undesirable_weight)
        case "reward":
            return RewardObjective(spec.margin, spec.centring)
