"""What can be asked of a training beside its method: each option against the run without it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from agents.records import Message, Settlement
from constitutions.errors import InputError
from training.config import LoraSpec, StopSpec, TrainSpec
from training.datasets import PreferenceRow, Row, SftRow, UnpairedRow, preference_rows, sft_rows
from training.files import read_rows, write_jsonl
from training.output import TrainResult
from training.reward import RewardModel, evaluate_reward_model
from training.train import HeldOut, train
from training.unpaired import unpair

Corrected = Callable[[int], list[Settlement]]
QUICK = TrainSpec(max_steps=8, batch_size=8, learning_rate=5e-3, log_steps=2, save_steps=None)


def _with(**changes: Any) -> TrainSpec:
    return TrainSpec.model_validate(QUICK.model_dump() | changes)


def _near(one: TrainResult, other: TrainResult, tolerance: float) -> bool:
    first, second = (load_file(result.checkpoint / "model.safetensors") for result in (one, other))
    return all(torch.allclose(first[name], second[name], atol=tolerance) for name in first)


@pytest.mark.parametrize("method", ["sft", "dpo", "kto"])
def test_small_batches_make_the_same_step_as_a_large_one(
    method: Any, tiny: Path, corrected: Corrected, tmp_path: Path
) -> None:
    """Rows of unlike lengths and weights, and batches without a pair: a mean of means would differ. KTO's reference
    point is the step's."""
    rows: list[Row] = [*sft_rows(corrected(20), "run")]
    if method != "sft":
        rows += preference_rows(corrected(16), "run")
    whole = train(_with(method=method), rows, tiny, tmp_path / "whole")
    parts = train(_with(method=method, micro_batch=2), rows, tiny, tmp_path / "parts")
    assert parts.losses == pytest.approx(whole.losses, abs=1e-4)
    assert [e.keys() for e in parts.log] == [e.keys() for e in whole.log]
    assert _near(whole, parts, 2e-3)  # Adam divides by a root: rounding near 0 can move a weight by part of a step


def test_checkpointed_activations_change_nothing(tiny: Path, corrected: Corrected, tmp_path: Path) -> None:
    rows = sft_rows(corrected(20), "run")
    plain = train(QUICK, rows, tiny, tmp_path / "plain")
    again = train(_with(gradient_checkpointing=True), rows, tiny, tmp_path / "again")
    assert again.losses == pytest.approx(plain.losses, abs=1e-5)
    lora = {"r": 2, "alpha": 4}
    one = train(_with(lora=lora), rows, tiny, tmp_path / "lora")
    other = train(_with(lora=lora, gradient_checkpointing=True), rows, tiny, tmp_path / "lora-again")
    assert other.losses == pytest.approx(one.losses, abs=1e-5)


def test_bfloat16_and_noise_learn_too_and_are_not_the_plain_run(
    tiny: Path, corrected: Corrected, tmp_path: Path
) -> None:
    rows = sft_rows(corrected(24), "run")
    plain = train(_with(max_steps=24), rows, tiny, tmp_path / "plain")
    for name, option in (("bf16", {"bf16": True}), ("neftune", {"neftune": 5.0}), ("weights", {"weights": "bfloat16"})):
        other = train(_with(max_steps=24, **option), rows, tiny, tmp_path / name)
        assert other.losses != plain.losses
        assert other.losses[-1] < 0.8 * other.losses[0]
        dtype = next(iter(load_file(other.checkpoint / "model.safetensors").values())).dtype
        assert dtype == (torch.bfloat16 if name == "weights" else torch.float32)


def test_packing_learns_the_same_rows_in_fewer_sequences(tiny: Path, corrected: Corrected, tmp_path: Path) -> None:
    """A step of every row, packed or not, is the same step."""
    rows = sft_rows(corrected(12), "run")
    padded = train(_with(batch_size=12, max_steps=3), rows, tiny, tmp_path / "padded")
    packed = train(_with(batch_size=12, max_steps=3, packing=True, max_length=40), rows, tiny, tmp_path / "packed")
    assert packed.losses == pytest.approx(padded.losses, abs=1e-4)
    assert (packed.rows, packed.steps) == (12, 3)


@pytest.mark.parametrize("method", ["ipo", "kto"])
def test_other_preference_losses_move_the_answers_apart(
    method: Any, tiny: Path, corrected: Corrected, tmp_path: Path
) -> None:
    pairs = preference_rows(corrected(24), "run")
    spec = _with(method=method, max_steps=20, beta=0.5, sft_weight=0, learning_rate=2e-3)
    result = train(spec, pairs, tiny, tmp_path / "out")
    if method == "ipo":
        assert result.log[-1]["accuracy"] > 0.9
    else:
        assert result.log[-1]["desirable"] > 0.1 > -0.1 > result.log[-1]["undesirable"]
        assert result.rows == 48
        unpaired = train(spec, unpair(pairs), tiny, tmp_path / "unpaired")
        assert unpaired.log == result.log


def test_kto_needs_two_prompts_and_rows_that_are_its_own(tiny: Path, corrected: Corrected, tmp_path: Path) -> None:
    (row,) = sft_rows(corrected(1), "run")
    spec = _with(method="kto")
    with pytest.raises(InputError, match="at least two prompts"):
        train(spec, [row, row], tiny, tmp_path / "out")
    with pytest.raises(InputError, match="method sft got 1 unpaired rows; expected supervised rows"):
        train(QUICK, unpair([row]), tiny, tmp_path / "out")


def test_a_reward_model_can_be_adapters(tiny: Path, corrected: Corrected, tmp_path: Path) -> None:
    rows = preference_rows(corrected(40), "run")
    spec = _with(method="reward", max_steps=40, learning_rate=2e-2, lora={"r": 4, "alpha": 8})
    result = train(spec, rows[:24], tiny, tmp_path / "out")
    assert evaluate_reward_model(RewardModel(result.checkpoint), rows[24:]).accuracy > 0.9


def test_training_stops_when_held_out_rows_get_worse_and_keeps_the_best(
    tiny: Path, corrected: Corrected, tmp_path: Path
) -> None:
    """The held-out answers contradict what is learnt, so that their loss rises after the first words are learnt."""
    rows = sft_rows(corrected(16), "run")
    held_out = [SftRow(row.prompt, (Message("assistant", "h g f e d c"),), row.weight, row.lineage) for row in rows[:8]]
    stop = {"every": 2, "patience": 2}
    spec = _with(max_steps=60, learning_rate=5e-3, stop=stop)
    result = train(spec, rows, tiny, tmp_path / "out", held_out=HeldOut(held_out))
    assert result.steps < 60
    losses = {int(entry["step"]): entry["eval_loss"] for entry in result.held_out}
    assert result.best_step == min(losses, key=losses.__getitem__)
    assert result.steps == result.best_step + 4
    again = train(
        _with(max_steps=1, log_steps=1, learning_rate=1e-12), held_out, result.checkpoint, tmp_path / "measure"
    )
    assert again.losses[0] == pytest.approx(losses[result.best_step], abs=1e-4)


def test_an_oracle_can_stop_training(tiny: Path, corrected: Corrected, tmp_path: Path) -> None:
    """Whatever measures the model itself; here one that is best at its third look."""
    looks: list[bool] = []

    def measure(model: Any) -> dict[str, float]:
        looks.append(model.training)
        return {"right": -abs(len(looks) - 3.0)}

    spec = _with(max_steps=40, stop={"metric": "right", "higher": True, "every": 2, "patience": 2})
    result = train(spec, sft_rows(corrected(16), "run"), tiny, tmp_path / "out", held_out=HeldOut(measure=measure))
    assert (result.best_step, result.steps) == (6, 10)
    assert looks == [False] * 5
    with pytest.raises(InputError, match=r"stop\.metric 'good' is not measured; accepted: right"):
        train(
            _with(stop=StopSpec(metric="good").model_dump() | {"every": 2}),
            sft_rows(corrected(16), "run"),
            tiny,
            tmp_path / "other",
            held_out=HeldOut(measure=measure),
        )


def test_what_a_training_needs_and_lacks_is_told_before_anything_is_written(
    tiny: Path, corrected: Corrected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("training.fitting", "training.arguments"):
        monkeypatch.setattr(f"{module}.find_spec", lambda name: None)
    rows = sft_rows(corrected(4), "run")
    for changes, said in (
        ({"stop": {}}, "stop needs held-out data"),
        ({"lora": LoraSpec(quantised=True).model_dump()}, "needs the package bitsandbytes, which is not installed"),
        ({"report_to": ("wandb",)}, "report_to is wandb, which is not installed"),
        ({"micro_batch": 3}, "batch_size 8 cannot be shared by 1 processes that read 3 rows at once"),
    ):
        with pytest.raises(InputError, match=said):
            train(_with(**changes), rows, tiny, tmp_path / "out")
        assert list(tmp_path.iterdir()) == []


def test_rows_that_teach_nothing_are_named(tiny: Path, corrected: Corrected, tmp_path: Path) -> None:
    (pair,) = preference_rows(corrected(1), "run")
    same = PreferenceRow(pair.prompt, pair.chosen, pair.chosen, 0.0, 1.0, pair.lineage)
    blank = SftRow(pair.prompt, (Message("assistant", "  "),), 1.0, pair.lineage)
    for method, row, said in (
        ("dpo", same, "panel / case000: chosen and rejected are the same"),
        ("reward", same, "panel / case000: chosen and rejected are the same"),
        ("kto", same, "panel / case000: chosen and rejected are the same"),
        ("sft", blank, "panel / case000: the completion is empty"),
        ("kto", UnpairedRow(blank.prompt, blank.completion, True, 1.0, blank.lineage), "at least two prompts"),
    ):
        with pytest.raises(InputError, match=said):
            train(_with(method=method), [row], tiny, tmp_path / "out")
        assert list(tmp_path.iterdir()) == []


def test_rows_without_lineage_are_named(corrected: Corrected, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_jsonl(sft_rows(corrected(2), "run"), path)
    first, second = path.read_text("utf-8").splitlines()
    without = second.partition(', "lineage"')[0] + "}"
    path.write_text(f"{first}\n{without}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"rows\.jsonl:2: not a training row \(no lineage\)"):
        read_rows(path)


def test_unpaired_rows_come_back_from_disk(corrected: Corrected, tmp_path: Path) -> None:
    rows = unpair(preference_rows(corrected(3), "run"))
    write_jsonl(rows, tmp_path / "rows.jsonl")
    assert read_rows(tmp_path / "rows.jsonl") == rows


def test_a_checkpoint_of_another_model_is_refused(tiny: Path, corrected: Corrected, tmp_path: Path) -> None:
    """Without its weights a layer would be left at random; weights of another shape do not fit."""
    rows = sft_rows(corrected(4), "run")
    other = tmp_path / "other"
    other.mkdir()
    for path in tiny.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    weights = load_file(tiny / "model.safetensors")
    lacking = {name: tensor for name, tensor in weights.items() if "layers.1.mlp" not in name}
    save_file(lacking, other / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"is a checkpoint of another model: it lacks .*layers\.1\.mlp.* and 2 more"):
        train(QUICK, rows, other, tmp_path / "out")
    narrow = {name: tensor[:8] if "gate_proj" in name else tensor for name, tensor in weights.items()}
    save_file(narrow, other / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"other: .*gate_proj"):
        train(QUICK, rows, other, tmp_path / "out")
    reward = train(_with(method="reward", max_steps=1), preference_rows(corrected(4), "run"), tiny, tmp_path / "reward")
    with pytest.raises(InputError, match="reward: holds a reward model"):
        train(QUICK, rows, reward.checkpoint, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_pad_token_is_noted(
    tiny: Path, corrected: Corrected, word_tokenizer: Callable[..., Any], tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(tiny)
    model.save_pretrained(tmp_path / "model")
    word_tokenizer(pad_token=None).save_pretrained(tmp_path / "model")
    result = train(_with(max_steps=1), sft_rows(corrected(4), "run"), tmp_path / "model", tmp_path / "out")
    assert result.notes == ("the tokenizer has no pad token; short rows are filled with <end>, masked out",)
    with pytest.raises(InputError, match="no pad token of its own"):
        train(_with(method="reward"), preference_rows(corrected(4), "run"), tmp_path / "model", tmp_path / "reward")


def test_adapters_over_four_bits_are_merged_into_the_weights_as_they_were(
    tiny: Path, corrected: Corrected, tmp_path: Path
) -> None:
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    rows = sft_rows(corrected(24), "run")
    spec = _with(max_steps=24, learning_rate=2e-2, lora={"r": 4, "alpha": 8, "quantised": True})
    result = train(spec, rows, tiny, tmp_path / "out")
    assert result.losses[-1] < 0.9 * result.losses[0]
    before, after = (load_file(folder / "model.safetensors") for folder in (tiny, result.checkpoint))
    assert {name for name in before if not torch.equal(before[name], after[name])} == {
        name for name in before if "_proj" in name
    }


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, about itself
def test_a_compiled_model_learns_the_same(tiny: Path, corrected: Corrected, tmp_path: Path) -> None:
    rows = sft_rows(corrected(16), "run")
    plain = train(QUICK, rows, tiny, tmp_path / "plain")
    compiled = train(_with(compile=True), rows, tiny, tmp_path / "compiled")
    assert compiled.losses == pytest.approx(plain.losses, abs=1e-3)
    assert (
        load_file(compiled.checkpoint / "model.safetensors").keys()
        == load_file(plain.checkpoint / "model.safetensors").keys()
    )
