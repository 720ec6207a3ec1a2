"""A reward model in use: scores, how accurate and how calibrated they are, and the best of several answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from agents.records import Case, Message
from training.batching import own_pad_id, pad
from training.datasets import ASSISTANT, PreferenceRow
from training.encoding import Encoder, TokenSequence
from training.loading import load_reward_model, load_tokenizer, quiet
from training.sampling import Floats

BINS = 10


class RewardModel:
    """A reward model that `train` made. It reads the conversation with the answer, and is a `Reward` by `score`."""

    def __init__(self, folder: Path, batch_size: int = 32) -> None:
        with quiet():
            self.model, tokenizer = load_reward_model(folder), load_tokenizer(folder)
        self.batch_size = batch_size
        self._filler = own_pad_id(tokenizer)
        self._encoder = Encoder(tokenizer, int(getattr(self.model.config, "max_position_embeddings", 2048)))

    def score(self, cases: Sequence[Case], answers: Sequence[str]) -> Floats:
        """The reward of each answer to its case, [n]; NaN for an empty answer and for one that does not fit."""
        return self.rewards(
            [(case.messages, (Message(ASSISTANT, answer),)) for case, answer in zip(cases, answers, strict=True)]
        )

    def rewards(self, conversations: Sequence[tuple[Sequence[Message], Sequence[Message]]]) -> Floats:
        """The reward of each (prompt, completion), [n]; NaN where the completion is empty or does not fit."""
        found = np.full(len(conversations), np.nan)
        read: list[tuple[int, TokenSequence]] = []
        for index, (prompt, completion) in enumerate(conversations):
            if any(message.content.strip() for message in completion):
                sequence = self._encoder.sequence(prompt, completion)
                if len(sequence) <= self._encoder.max_length:
                    read.append((index, sequence))
        read.sort(key=lambda item: len(item[1]))
        with torch.inference_mode():
            for start in range(0, len(read), self.batch_size):
                part = read[start : start + self.batch_size]
                batch = pad([sequence for _, sequence in part], self._filler)
                given = {name: batch[name].to(self.model.device) for name in ("input_ids", "attention_mask")}
                found[[index for index, _ in part]] = self.model(**given).logits.squeeze(-1).double().cpu().numpy()
        return found


@dataclass(frozen=True, slots=True)
class RewardFigures:
    """How good a reward model is on pairs.

    Attributes:
        pairs: pairs judged; those with an answer that does not fit are left out.
        accuracy: share in which the answer with the higher reward is the one more likely to be better; ties count
            one half. Pairs labelled one half are left out.
        log_loss: mean -p log q - (1 - p) log(1 - q), with q = sigmoid(chosen - rejected) and p the soft label (nats).
        brier: mean (q - p)^2.
        calibration_error: mean over pairs of |mean confidence - share right| in their bin of confidence max(q, 1 - q)
            (Guo et al. 2017, eq. 3, with `BINS` bins between 1/2 and 1).
        curve: (mean confidence, share right, pairs) of each bin that is not empty.
    """

    pairs: int
    accuracy: float
    log_loss: float
    brier: float
    calibration_error: float
    curve: tuple[tuple[float, float, int], ...]


def judge_rewards(chosen_P: Floats, rejected_P: Floats, label_P: Floats) -> RewardFigures:
    """The figures of rewards given to pairs whose first answer is the better one with probability `label_P`."""
    known = ~(np.isnan(chosen_P) | np.isnan(rejected_P))
    difference, p = (chosen_P - rejected_P)[known], label_P[known]
    q = 0.5 * (1 + np.tanh(difference / 2))  # the logistic function, without overflow
    log_q, log_not_q = -np.logaddexp(0, -difference), -np.logaddexp(0, difference)
    decided = p != 0.5
    hit = np.where(difference == 0, 0.5, (difference > 0) == (p > 0.5))
    confidence, right = np.maximum(q, 1 - q), np.where(q >= 0.5, p, 1 - p)
    which = np.minimum(((confidence - 0.5) * 2 * BINS).astype(int), BINS - 1)
    curve = [
        (float(confidence[which == b].mean()), float(right[which == b].mean()), int((which == b).sum()))
        for b in range(BINS)
        if (which == b).any()
    ]
    return RewardFigures(
        pairs=len(p),
        accuracy=float(hit[decided].mean()) if decided.any() else float("nan"),
        log_loss=float((-p * log_q - (1 - p) * log_not_q).mean()),
        brier=float(((q - p) ** 2).mean()),
        calibration_error=float(sum(abs(c - r) * n for c, r, n in curve) / max(len(p), 1)),
        curve=tuple(curve),
    )


def evaluate_reward_model(model: RewardModel, rows: Sequence[PreferenceRow]) -> RewardFigures:
    """How good a reward model is on held-out pairs."""
    chosen = model.rewards([(row.prompt, row.chosen) for row in rows])
    rejected = model.rewards([(row.prompt, row.rejected) for row in rows])
    return judge_rewards(chosen, rejected, np.array([row.soft_label for row in rows]))


def best_of(reward_PN: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Which answer to each prompt has the highest reward, [P]; the first of equals. NaN is lower than any number."""
    return np.asarray(np.where(np.isnan(reward_PN), -np.inf, reward_PN).argmax(axis=1))
