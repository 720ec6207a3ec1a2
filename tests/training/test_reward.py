from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.records import Case, Message, Settlement
from constitutions.errors import InputError
from training.config import TrainSpec
from training.datasets import PreferenceRow, preference_rows
from training.output import TrainResult
from training.reward import RewardModel, best_of, evaluate_reward_model, judge_rewards
from training.train import train

Corrected = Callable[[int], list[Settlement]]


@pytest.fixture(scope="module")
def spec() -> TrainSpec:
    return TrainSpec(
        method="reward", max_steps=40, batch_size=8, learning_rate=5e-3, log_steps=10, save_steps=None, centring=0.01
    )


@pytest.fixture
def trained(
    spec: TrainSpec, tiny: Path, corrected: Corrected, tmp_path: Path
) -> tuple[TrainResult, list[PreferenceRow]]:
    rows = preference_rows(corrected(64), "run")
    return train(spec, rows[:40], tiny, tmp_path / "reward"), rows[40:]


def test_a_reward_model_learns_and_is_judged_on_held_out_pairs(
    trained: tuple[TrainResult, list[PreferenceRow]],
) -> None:
    """The rule of the data is that `yes` and the letter asked about is better than `no` and another letter."""
    result, held_out = trained
    assert result.losses[-1] < 0.2 < result.losses[0]
    figures = evaluate_reward_model(RewardModel(result.checkpoint), held_out)
    assert figures.pairs == 24
    assert figures.accuracy == 1.0
    assert figures.log_loss < 0.1
    swapped = [replace(row, chosen=row.rejected, rejected=row.chosen) for row in held_out]
    assert evaluate_reward_model(RewardModel(result.checkpoint), swapped).accuracy == 0.0


def test_rewards_do_not_depend_on_what_is_read_beside_them(trained: tuple[TrainResult, list[PreferenceRow]]) -> None:
    """Padding is told from text: alone, in a batch with longer answers, and as one of a pair the reward is the same."""
    model = RewardModel(trained[0].checkpoint)
    case = Case("c", (Message("user", "what is the a of b"),))
    answers = ["yes a", "no d . . . . . . . .", "yes", ""]
    together = model.score([case] * 4, answers)
    alone = [float(model.score([case], [answer])[0]) for answer in answers[:3]]
    assert together[:3].tolist() == pytest.approx(alone, abs=1e-6)
    assert math.isnan(together[3])
    assert together[0] > together[1]


def test_what_is_no_reward_model_is_refused(tiny: Path) -> None:
    with pytest.raises(InputError, match="holds no reward model"):
        RewardModel(tiny)


def test_accuracy_and_calibration_by_hand() -> None:
    """Differences of 2, 1 and -1, and a tie; the last pair has no reward for one answer and does not count."""
    chosen = np.array([2.0, 1.0, 0.0, 0.0, np.nan])
    rejected = np.array([0.0, 0.0, 1.0, 0.0, 0.0])
    label = np.array([1.0, 0.8, 1.0, 0.9, 1.0])
    found = judge_rewards(chosen, rejected, label)
    q = [1 / (1 + math.exp(-d)) for d in (2, 1, -1, 0)]
    p = label[:4]
    assert found.pairs == 4
    assert found.accuracy == (1 + 1 + 0 + 0.5) / 4
    log_loss = sum(-a * math.log(b) - (1 - a) * math.log(1 - b) for a, b in zip(p, q, strict=True)) / 4
    assert found.log_loss == pytest.approx(log_loss)
    assert found.brier == pytest.approx(sum((a - b) ** 2 for a, b in zip(p, q, strict=True)) / 4)
    # The bins: .5 (right in .9), .731 twice (right in .8 and in 0: the third pair was judged the wrong way), .881.
    assert found.curve == (
        (0.5, 0.9, 1),
        (pytest.approx(q[1]), pytest.approx(0.4), 2),
        (pytest.approx(q[0]), pytest.approx(1.0), 1),
    )
    expected = (0.4 + 2 * abs(q[1] - 0.4) + (1 - q[0])) / 4
    assert found.calibration_error == pytest.approx(expected)


def test_the_best_of_several_is_the_first_highest_reward() -> None:
    nan = float("nan")
    assert best_of(np.array([[1.0, 3.0, 3.0], [nan, -5.0, nan], [nan, nan, nan]])).tolist() == [1, 1, 0]
