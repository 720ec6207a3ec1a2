"""Context distillation: the loss by hand, the teacher read once, and a model that learns what it was told."""

from __future__ import annotations

from math import log
from pathlib import Path
from typing import Any

import pytest
import torch

from agents.records import Message
from constitutions.errors import InputError
from training.config import TrainSpec
from training.datasets import SftRow
from training.distillation import encode_taught, fill_teacher, with_context
from training.encoding import Encoder
from training.loading import load_model, load_tokenizer
from training.losses import IGNORED, predicted, top_k_distillation
from training.self_study.synthesis import study_row
from training.train import train

CONTEXT = "the a of b is c . the d of e is f ."
SPEC = TrainSpec(
    method="distil", context=CONTEXT, max_steps=30, batch_size=8, learning_rate=5e-3, log_steps=5, save_steps=None
)


def rows(count: int = 8) -> list[SftRow]:
    """Questions about single letters, each with an answer."""
    letters = "abcdefgh"
    return [
        study_row(f"what is {letters[i % 8]} ?", f"{letters[(i + 1) % 8]} .", "run", "study", f"case-{i}", ())
        for i in range(count)
    ]


def test_the_loss_is_the_hand_computed_one() -> None:
    """Two positions, three words, K = 2: -(.6 log .5 + .3 log .25) and -(1 log 1/3), from probabilities."""
    logits = torch.tensor([[0.5, 0.25, 0.25], [1 / 3, 1 / 3, 1 / 3]]).log()
    ids, p = torch.tensor([[0, 2], [1, 0]]), torch.tensor([[0.6, 0.3], [1.0, 0.0]])
    found = top_k_distillation(logits, ids, p)
    assert found.tolist() == pytest.approx([-(0.6 * log(0.5) + 0.3 * log(0.25)), log(3)], abs=1e-6)


def test_the_gradient_is_the_teachers_mass_times_the_student_less_the_teacher() -> None:
    """dL/dz = P q - p, with P the teacher's mass on its K tokens: at the teacher's own distribution it is 0."""
    logits = torch.tensor([[0.3, -1.0, 2.0, 0.5]], requires_grad=True)
    ids, p = torch.tensor([[2, 0]]), torch.tensor([[0.7, 0.1]])
    top_k_distillation(logits, ids, p).sum().backward()
    q = logits.detach().softmax(-1)[0]
    assert logits.grad is not None
    assert logits.grad[0].tolist() == pytest.approx((0.8 * q - torch.tensor([0.1, 0.0, 0.7, 0.0])).tolist(), abs=1e-6)


def test_predicted_positions_are_those_before_a_label() -> None:
    logits = torch.arange(8.0).view(1, 4, 2)
    labels = torch.tensor([[IGNORED, IGNORED, 1, 0]])
    assert predicted(logits, labels).tolist() == [[2.0, 3.0], [4.0, 5.0]]


def test_the_context_joins_a_system_message_that_is_there() -> None:
    assert with_context("c", (Message("user", "u"),)) == (Message("system", "c"), Message("user", "u"))
    assert with_context("c", (Message("system", "s"), Message("user", "u")))[0] == Message("system", "c\n\ns")


def test_the_teacher_is_the_model_with_the_context_before_the_prompt(tiny: Path) -> None:
    """The kept tokens are the K likeliest of one unpadded forward pass, at each position of the answer."""
    tokenizer, model = load_tokenizer(tiny), load_model(tiny, TrainSpec())
    given = rows(5)
    examples, skipped = encode_taught(Encoder(tokenizer, 64), given, CONTEXT)
    fill_teacher(model, examples, 0, 2, top=3)
    assert skipped == 0
    for row, example in zip(given, examples, strict=True):
        sequence = Encoder(tokenizer, 64).sequence(with_context(CONTEXT, row.prompt), row.completion)
        with torch.no_grad():
            logits = model(torch.tensor([sequence.input_ids])).logits
        best = predicted(logits, torch.tensor([sequence.labels])).softmax(-1).topk(3)
        assert torch.equal(example.ids, best.indices)
        assert torch.allclose(example.p, best.values, atol=1e-5)


def test_rows_whose_teacher_does_not_fit_are_skipped(tiny: Path) -> None:
    examples, skipped = encode_taught(Encoder(load_tokenizer(tiny), 20), rows(3), CONTEXT)
    assert (len(examples), skipped) == (0, 3)


@pytest.mark.parametrize("lora", [None, {"r": 4, "alpha": 8}])
def test_distillation_brings_the_model_to_what_it_says_in_context(tiny: Path, tmp_path: Path, lora: Any) -> None:
    spec = SPEC.model_copy(update={"lora": TrainSpec(lora=lora).lora, "max_steps": 40})
    result = train(spec, rows(), tiny, tmp_path / "out")
    assert result.log[-1]["divergence"] < 0.5 * result.log[0]["divergence"]
    assert result.log[-1]["loss"] < result.log[0]["loss"]
    assert (result.checkpoint / "model.safetensors").is_file()  # adapters are merged: an ordinary checkpoint


def test_distillation_needs_a_context_and_nothing_else_takes_one() -> None:
    with pytest.raises(ValueError, match="is for method distil, which needs it"):
        TrainSpec(method="distil")
    with pytest.raises(ValueError, match="is for method distil, which needs it"):
        TrainSpec(context="x")
    with pytest.raises(ValueError, match="is for method distil without lora"):
        TrainSpec.model_validate({"cartridge": {"tokens": 4}})
    with pytest.raises(ValueError, match="expected fewer than tokens"):
        TrainSpec.model_validate({"method": "distil", "context": "x", "cartridge": {"tokens": 4, "frozen": 4}})


def test_pairs_cannot_be_distilled(tiny: Path, tmp_path: Path, corrected: Any) -> None:
    from training.datasets import preference_rows

    with pytest.raises(InputError, match="method distil got 4 preference pairs; expected supervised rows"):
        train(SPEC, preference_rows(corrected(4), "run"), tiny, tmp_path / "out")
    assert not (tmp_path / "out").exists()
