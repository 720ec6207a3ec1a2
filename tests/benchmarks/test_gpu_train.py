"""The GPU benchmark runs here on tiny shapes: its code and its arithmetic are checked, nothing is measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks.gpu_train import main
from benchmarks.shapes import EIGHT, ONE, TINY, checkpoint, rows
from training.batching import pack
from training.encoding import Encoder
from training.loading import load_tokenizer


def test_the_shapes_have_the_sizes_they_are_named_for() -> None:
    from transformers import LlamaForCausalLM

    for shape, low, high in ((ONE, 1.0e9, 1.1e9), (EIGHT, 8.0e9, 8.1e9)):
        with torch.device("meta"):
            model = LlamaForCausalLM(shape.config())
        count = sum(weight.numel() for weight in model.parameters())
        assert low < count < high
        multiplied = sum(weight.numel() for name, weight in model.named_parameters() if "embed_tokens" not in name)
        if not shape.tied:
            assert shape.flops(count, 0) == 6 * multiplied
        attention = shape.flops(count, 512) - shape.flops(count, 0)
        assert attention == 6 * shape.layers * shape.hidden * 512


def test_rows_fill_packed_sequences_exactly(tmp_path: Path) -> None:
    checkpoint(TINY, tmp_path)
    encoded = Encoder(load_tokenizer(tmp_path), 64).encode(rows(TINY, 8, 16, pairs=False)).examples
    assert {len(example.chosen) for example in encoded} == {16}
    assert [len(packed) for packed in pack(encoded, 64)] == [64, 64]


def test_all_three_trainings_run_on_tiny_shapes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--tiny", "--steps", "7", "--batch", "2"]) == 0
    table, said = capsys.readouterr().out.rsplit("\n", 2)[:2]
    found = json.loads(said)["found"]
    assert [it["what"] for it in found] == ["sft", "dpo", "lora"]
    assert [it["tokens"] for it in found] == [2 * 64, 2 * 2 * 32, 64]
    assert all(it["step_seconds"] > 0 and it["utilisation"] > 0 for it in found)
    assert found[1]["reference_seconds"] > 0
    assert table.count("\n| ") == 5


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert (
        capsys.readouterr().err
        == "gpu_train: no GPU here; expected a CUDA device, or --tiny to check this program on CPU\n"
    )
    assert main(["--tiny", "--steps", "3"]) == 2
