from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from agents.records import Settlement
from constitutions.errors import InputError, OversightError
from training.batching import Collator
from training.config import LoraSpec, TrainSpec
from training.datasets import Row, preference_rows, sft_rows
from training.encoding import Encoder
from training.files import write_jsonl
from training.train import train

Corrected = Callable[[int], list[Settlement]]
QUICK = TrainSpec(max_steps=12, batch_size=8, learning_rate=5e-3, log_steps=4, save_steps=None)


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def _equal(one: Path, other: Path) -> bool:
    first, second = _weights(one), _weights(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def _log_probability(folder: Path, prompt_ids: list[int], answer_ids: list[int]) -> tuple[float, int]:
    """Summed log-probability of the answer and its number of tokens, one token at a time in plain Python."""
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = prompt_ids + answer_ids
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0].double().tolist()
    total = 0.0
    for t in range(len(prompt_ids), len(ids)):
        row = logits[t - 1]
        total += row[ids[t]] - math.log(sum(math.exp(x) for x in row))
    return total, len(answer_ids)


def _mean_loss(folder: Path, rows: list[Any]) -> float:
    """The model's own completion loss over all rows, loaded from the folder as anyone would."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    examples = Encoder(AutoTokenizer.from_pretrained(folder), 64).encode(rows).examples
    batch = Collator(0)(list(enumerate(examples)))
    with torch.no_grad():
        return float(model(**{name: batch[name] for name in ("input_ids", "attention_mask", "labels")}).loss)


def _parts(sequence: Any) -> tuple[list[int], list[int]]:
    start = next(i for i, label in enumerate(sequence.labels) if label >= 0)
    return sequence.input_ids[:start], sequence.input_ids[start:]


def test_the_logged_sft_loss_is_the_textbook_formula(
    tiny: Path, corrected: Corrected, word_tokenizer: Any, tmp_path: Path
) -> None:
    rows = sft_rows(corrected(6), "run")
    total, tokens = 0.0, 0
    for row, example in zip(rows, Encoder(word_tokenizer(), 64).encode(rows).examples, strict=True):
        log_probability, length = _log_probability(tiny, *_parts(example.chosen))
        total, tokens = total - row.weight * log_probability, tokens + length
    spec = TrainSpec(max_steps=1, batch_size=6, log_steps=1, save_steps=None)
    result = train(spec, rows, tiny, tmp_path / "out")
    assert result.losses[0] == pytest.approx(total / tokens, abs=1e-5)


def test_the_logged_dpo_loss_is_the_papers_formula(
    tiny: Path, corrected: Corrected, word_tokenizer: Any, tmp_path: Path
) -> None:
    """The reference is the start, so the formula is tried on a second step, where the two models differ."""
    rows = [replace(row, soft_label=0.9) for row in preference_rows(corrected(4), "run")]
    spec = TrainSpec(method="dpo", batch_size=4, log_steps=1, save_steps=None, warmup=0, scheduler="constant")
    spec = spec.model_copy(update={"sft_weight": 0.5, "beta": 0.2, "learning_rate": 1e-2})
    after_one = train(spec.model_copy(update={"max_steps": 1}), rows, tiny, tmp_path / "one")
    result = train(spec.model_copy(update={"max_steps": 2}), rows, tiny, tmp_path / "two")
    dpo, supervised, tokens = 0.0, 0.0, 0
    for row, example in zip(rows, Encoder(word_tokenizer(), 64).encode(rows).examples, strict=True):
        now, length = _log_probability(after_one.checkpoint, *_parts(example.chosen))
        worse, _ = _log_probability(after_one.checkpoint, *_parts(example.rejected))
        before = [_log_probability(tiny, *_parts(part))[0] for part in (example.chosen, example.rejected)]
        sigmoid = 1 / (1 + math.exp(-0.2 * ((now - before[0]) - (worse - before[1]))))
        dpo += row.weight * (-0.9 * math.log(sigmoid) - 0.1 * math.log(1 - sigmoid)) / len(rows)
        supervised, tokens = supervised - row.weight * now, tokens + length
    assert result.log[0]["dpo_loss"] == pytest.approx(
        math.log(2) * sum(row.weight for row in rows) / len(rows), abs=1e-5
    )
    assert result.log[1]["dpo_loss"] == pytest.approx(dpo, abs=1e-5)
    assert result.losses[1] == pytest.approx(dpo + 0.5 * supervised / tokens, abs=1e-5)


def test_sft_lowers_the_loss_and_changes_the_weights(tiny: Path, corrected: Corrected, tmp_path: Path) -> None:
    seen = []
    result = train(
        QUICK.model_copy(update={"max_steps": 40}),
        sft_rows(corrected(32), "run"),
        tiny,
        tmp_path / "out",
        lambda stage, done, total: seen.append((stage, done, total)),
    )
    assert result.losses[-1] < 0.6 * result.losses[0]
    assert not _equal(tiny, result.checkpoint)
    assert seen == [("sft", step, 40) for step in range(1, 41)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    assert not (result.checkpoint / "checkpoints").exists()


def test_dpo_raises_the_margin_and_mixes_in_supervised_rows(tiny: Path, corrected: Corrected, tmp_path: Path) -> None:
    rows: list[Row] = [*preference_rows(corrected(24), "run"), *sft_rows(corrected(8), "run")]
    result = train(QUICK.model_copy(update={"method": "dpo", "max_steps": 20}), rows, tiny, tmp_path / "out")
    assert result.rows == 32
    assert result.log[-1]["margin"] > result.log[0]["margin"] + 0.1
    assert result.log[-1]["accuracy"] > 0.9


@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_the_same_training_twice_gives_the_same_weights(
    method: str, tiny: Path, corrected: Corrected, tmp_path: Path
) -> None:
    spec = QUICK.model_copy(update={"method": method})
    rows = (sft_rows if method == "sft" else preference_rows)(corrected(24), "run")
    first, second = (train(spec, rows, tiny, tmp_path / name) for name in ("one", "two"))
    assert first.log == second.log
    assert _equal(first.checkpoint, second.checkpoint)
    other = train(spec.model_copy(update={"seed": 1}), rows, tiny, tmp_path / "three")
    assert not _equal(first.checkpoint, other.checkpoint)


KILLED = """
import os, signal, sys
from pathlib import Path
from training.config import TrainSpec
from training.files import read_rows
from training.train import train

def progress(stage, done, total):
    if done == int(sys.argv[5]):
        os.kill(os.getpid(), signal.SIGKILL)

rows = read_rows(Path(sys.argv[2]))
train(TrainSpec.model_validate_json(sys.argv[1]), rows, sys.argv[3], Path(sys.argv[4]), progress)
"""


@pytest.mark.parametrize("lora", [None, LoraSpec(r=2, dropout=0.1)], ids=["full", "lora"])
def test_a_killed_and_resumed_run_gives_the_weights_of_an_uninterrupted_one(
    lora: LoraSpec | None, tiny: Path, corrected: Corrected, tmp_path: Path, project_root: Path
) -> None:
    """The kill falls between two checkpoints, in the second pass over the rows; LoRA draws dropout as well."""
    rows = sft_rows(corrected(24), "run")
    write_jsonl(rows, tmp_path / "rows.jsonl")
    spec = QUICK.model_copy(update={"save_steps": 4, "lora": lora})
    whole = train(spec, rows, tiny, tmp_path / "whole")
    arguments = [spec.model_dump_json(), tmp_path / "rows.jsonl", tiny, tmp_path / "killed", 7]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *map(str, arguments)],
        cwd=project_root,
        env={**os.environ, "PYTHONPATH": str(project_root)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed").exists()
    torn = tmp_path / "killed.partial" / "checkpoints" / "checkpoint-6"
    torn.mkdir()  # a checkpoint that the kill cut short: newer than the good one, and without its mark
    steps: list[int] = []
    resumed = train(spec, rows, tiny, tmp_path / "killed", lambda stage, done, total: steps.append(done))
    assert steps[0] == 5
    assert resumed.log == whole.log
    assert _equal(whole.checkpoint, resumed.checkpoint)


def test_lora_saves_a_merged_checkpoint_that_loads_as_an_ordinary_model(
    tiny: Path, corrected: Corrected, tmp_path: Path
) -> None:
    rows = sft_rows(corrected(32), "run")
    spec = QUICK.model_copy(update={"max_steps": 30, "learning_rate": 2e-2, "lora": LoraSpec(r=4)})
    result = train(spec, rows, tiny, tmp_path / "out")
    before, after = _weights(tiny), _weights(result.checkpoint)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert before.keys() == after.keys()
    assert changed == {name for name in before if "_proj" in name}
    assert _mean_loss(result.checkpoint, rows) < 0.95 * _mean_loss(tiny, rows)


def test_tensorboard_files_lie_in_the_output_folder(tiny: Path, corrected: Corrected, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    spec = QUICK.model_copy(update={"max_steps": 2, "log_steps": 1})
    result = train(spec, sft_rows(corrected(8), "run"), tiny, tmp_path / "out")
    assert list(result.checkpoint.glob("runs/*/events*"))


def test_a_finished_training_is_returned_and_another_one_is_refused(
    tiny: Path, corrected: Corrected, tmp_path: Path
) -> None:
    rows, out = sft_rows(corrected(8), "run"), tmp_path / "out"
    spec = QUICK.model_copy(update={"max_steps": 2, "log_steps": 1})
    first = train(spec, rows, tiny, out)
    stamp = (out / "model.safetensors").stat().st_mtime_ns
    assert train(spec, rows, tiny, out) == first
    assert (out / "model.safetensors").stat().st_mtime_ns == stamp
    with pytest.raises(InputError, match="another spec: learning_rate"):
        train(spec.model_copy(update={"learning_rate": 1e-4}), rows, tiny, out)
    with pytest.raises(InputError, match="other data"):
        train(spec, rows[:-1], tiny, out)
    with pytest.raises(InputError, match="another model"):
        train(spec, rows, out, out)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(InputError, match="holds no training"):
        train(spec, rows, tiny, tmp_path / "mine")


def test_rows_and_models_that_do_not_fit_are_refused(tiny: Path, corrected: Corrected, tmp_path: Path) -> None:
    supervised, pairs = sft_rows(corrected(4), "run"), preference_rows(corrected(4), "run")
    dpo = QUICK.model_copy(update={"method": "dpo"})
    empty = tmp_path / "empty"
    empty.mkdir()
    for spec, rows, model, said in (
        (QUICK, [], tiny, "dataset is empty"),
        (QUICK, pairs, tiny, "method sft got 4 preference pairs; expected supervised rows"),
        (dpo, supervised, tiny, "no pair"),
        (QUICK.model_copy(update={"max_length": 3}), supervised, tiny, "all rows are longer than max_length 3"),
        (dpo.model_copy(update={"max_length": 9}), [*pairs, *supervised], tiny, "all pairs are longer"),
        (QUICK, supervised, empty, "expected a Hugging Face model folder"),
    ):
        with pytest.raises(InputError, match=said):
            train(spec, rows, model, tmp_path / "out")
        assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_a_loss_that_is_not_finite_names_the_batch_and_keeps_the_last_good_checkpoint(
    tiny: Path, corrected: Corrected, tmp_path: Path
) -> None:
    """The weight of one row overflows: its gradient is infinite in the step whose batch holds it, and in no other."""
    rows = sft_rows(corrected(8), "run")
    spec = QUICK.model_copy(update={"batch_size": 1, "save_steps": 1, "epochs": 1.0, "max_steps": None})
    clean = train(spec, rows, tiny, tmp_path / "clean")
    assert clean.steps == 8
    rows[3] = replace(rows[3], weight=float("1e39"))  # infinite in float32, and infinity times 0 is no number
    with pytest.raises(OversightError) as stopped:
        train(spec, rows, tiny, tmp_path / "out")
    said = str(stopped.value)
    found = re.search(r"loss is nan in step (\d+), in the batch of panel / case003; the checkpoint of step (\d+)", said)
    assert found is not None, said
    assert int(found[2]) == int(found[1]) - 1
    assert not (tmp_path / "out").exists()
    kept = tmp_path / "out.partial" / "checkpoints" / f"checkpoint-{found[2]}"
    assert all(bool(weight.isfinite().all()) for weight in _weights(kept).values())


def test_weights_that_are_not_finite_are_never_saved(tiny: Path, corrected: Corrected, tmp_path: Path) -> None:
    """With one step there is no later loss to see it in."""
    spec = QUICK.model_copy(update={"learning_rate": 1e39, "warmup": 0, "max_steps": 1, "scheduler": "constant"})
    with pytest.raises(OversightError, match=r"weight .* is not finite after step 1; no checkpoint had been saved"):
        train(spec, sft_rows(corrected(16), "run"), tiny, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_worlds_base_model_learns(settle: Callable[..., Settlement], project_root: Path, tmp_path: Path) -> None:
    base = project_root / "experiments" / "world" / "checkpoints" / "base"
    if not (base / "model.safetensors").is_file():
        pytest.skip("no checkpoint of the microworld's base model: experiments/world/checkpoints/base")
    from experiments.world.tokens import tokenizer

    words = [word for word in tokenizer().get_vocab() if word.isalpha()][:8]
    cases = [settle(f"c{i}", " ".join(words[i % 4 : i % 4 + 4]), prompt=f"what is {words[i % 8]}") for i in range(32)]
    spec = TrainSpec(max_steps=6, batch_size=16, log_steps=3, save_steps=None)
    result = train(spec, sft_rows(cases, "run"), base, tmp_path / "out")
    assert result.skipped == 0
    assert result.losses[-1] < result.losses[0]
