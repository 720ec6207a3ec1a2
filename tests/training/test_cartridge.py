"""Cartridges: they begin as the text itself, learn, are kept and asked again, and say what they cannot do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from agents.records import Case
from constitutions.errors import InputError
from tests.training.test_distillation import CONTEXT, rows
from training.cartridge import WithCartridge, kv_bytes, load_cartridge, new_cartridge
from training.config import CartridgeSpec, TrainSpec
from training.distillation import with_context
from training.encoding import Encoder
from training.loading import load_model, load_tokenizer
from training.output import TrainResult
from training.sampling import Sampler
from training.train import train

TOKENS = 6
SPEC = TrainSpec.model_validate(
    {
        "method": "distil",
        "context": CONTEXT,
        "cartridge": {"tokens": TOKENS},
        "max_steps": 60,
        "batch_size": 8,
        "learning_rate": 2e-2,
        "log_steps": 5,
        "save_steps": 20,
        "gradient_checkpointing": True,
    }
)


@pytest.fixture(scope="module")
def lively(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with eight times its random weights, so that what it says depends on what it has read."""
    folder = tmp_path_factory.mktemp("lively")
    model = load_model(tiny, TrainSpec())
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "proj" in name:
                weight.mul_(8)
    model.save_pretrained(folder)
    load_tokenizer(tiny).save_pretrained(folder)
    return folder


def _model(tiny: Path) -> Any:
    return load_model(tiny, TrainSpec()).eval()


def _context_ids(tiny: Path) -> list[int]:
    return Encoder(load_tokenizer(tiny), 64).open_ids(with_context(CONTEXT, ()))


@pytest.fixture(scope="module")
def learnt(lively: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    return train(SPEC, rows(), lively, tmp_path_factory.mktemp("cartridge") / "out")


def test_an_untrained_cartridge_is_the_text_before_the_prompt(lively: Path) -> None:
    """Logits of the tokens after it equal those of the whole text read in one go, with and without left padding."""
    prefix, asked = _context_ids(lively)[:TOKENS], [7, 8, 9, 3]
    fresh = WithCartridge(new_cartridge(_model(lively), CartridgeSpec(tokens=TOKENS), prefix)).eval()
    with torch.no_grad():
        whole = _model(lively)(torch.tensor([[*prefix, *asked]])).logits[0, TOKENS:]
        under = fresh(torch.tensor([asked])).logits[0]
        ids, mask = torch.tensor([[0, 0, *asked], [5, 6, *asked]]), torch.tensor([[0, 0, 1, 1, 1, 1], [1] * 6])
        padded = fresh(ids, attention_mask=mask).logits[0, 2:]
    assert torch.allclose(under, whole, atol=1e-6)
    assert torch.allclose(padded, whole, atol=1e-6)


def test_a_cartridge_learns_and_leaves_the_model_alone(lively: Path, learnt: TrainResult) -> None:
    assert learnt.log[-1]["divergence"] < 0.6 * learnt.log[0]["divergence"]
    kept = load_file(learnt.checkpoint / "adapter_model.safetensors")
    assert {name: tuple(value.shape) for name, value in kept.items()} == {"prompt_embeddings": (TOKENS, 2 * 2 * 32)}
    assert not {"model.safetensors", "README.md"} & {path.name for path in learnt.checkpoint.iterdir()}


def test_the_first_token_stays_as_it_was_read(lively: Path, learnt: TrainResult) -> None:
    first = new_cartridge(_model(lively), CartridgeSpec(tokens=TOKENS), _context_ids(lively)).prompt_encoder["default"]
    kept = load_file(learnt.checkpoint / "adapter_model.safetensors")["prompt_embeddings"]
    moved = (kept - first.weight).abs().amax(dim=1)
    assert moved[0] == 0
    assert (moved[1:] > 0).all()


def test_checkpointing_is_turned_off_with_a_message(learnt: TrainResult) -> None:
    assert any("gradient_checkpointing is off" in note for note in learnt.notes)


def test_a_kept_cartridge_answers_as_peft_generates_with_left_padding(lively: Path, learnt: TrainResult) -> None:
    """Prompts of three lengths; our sampler in fixed shapes against `generate` on one left-padded batch."""
    cartridge, tokenizer = load_cartridge(learnt.checkpoint, _model(lively)), load_tokenizer(lively)
    sampler = Sampler(cartridge, tokenizer, rows=2, most=5, temperature=0.0)
    cases = [Case("1", rows(1)[0].prompt), Case("2", (*rows(2)[1].prompt, *rows(1)[0].prompt))]
    ours = [drawn[0].text for drawn in sampler.draw(cases, 1, 0)]
    ids = [sampler.encoder.prompt_ids(case.messages) for case in cases]
    batch = tokenizer.pad({"input_ids": ids}, return_tensors="pt", padding_side="left")
    out = cartridge._peft.generate(**batch, max_new_tokens=5, do_sample=False)
    theirs = tokenizer.batch_decode(out[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
    assert ours == [text.strip() for text in theirs]
    assert sampler.encoder.max_length == 64 - TOKENS


def test_the_trained_cartridge_is_nearer_to_the_whole_text_than_its_first_tokens(
    lively: Path, learnt: TrainResult
) -> None:
    """KL from the teacher, which reads all of the text, at the answer's first token."""
    encoder = Encoder(load_tokenizer(lively), 64)
    teacher, trained = _model(lively), load_cartridge(learnt.checkpoint, _model(lively))
    begun = WithCartridge(new_cartridge(_model(lively), CartridgeSpec(tokens=TOKENS), _context_ids(lively))).eval()
    distance = {"trained": 0.0, "begun": 0.0}
    for row in rows():
        told = torch.tensor([encoder.prompt_ids(with_context(CONTEXT, row.prompt))])
        asked = torch.tensor([encoder.prompt_ids(row.prompt)])
        with torch.no_grad():
            p = teacher(told).logits[0, -1].log_softmax(-1)
            for name, model in (("trained", trained), ("begun", begun)):
                q = model(asked).logits[0, -1].log_softmax(-1)
                distance[name] += float((p.exp() * (p - q)).sum())
    assert distance["trained"] < 0.6 * distance["begun"]


def test_a_killed_training_goes_on_to_the_same_cartridge(lively: Path, learnt: TrainResult, tmp_path: Path) -> None:
    """Stopped after 20 of 60 steps: the checkpoint of step 20 is found, and the end is that of a run never stopped."""

    class Killed(Exception):
        pass

    def stop(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("distil", 25):
            raise Killed

    with pytest.raises(Killed):
        train(SPEC, rows(), lively, tmp_path / "out", progress=stop)
    again = train(SPEC, rows(), lively, tmp_path / "out")
    one, other = (load_file(r.checkpoint / "adapter_model.safetensors") for r in (learnt, again))
    assert torch.allclose(one["prompt_embeddings"], other["prompt_embeddings"], atol=1e-5)


def test_a_text_shorter_than_the_prefix_is_a_clear_mistake(lively: Path, tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"cartridge": CartridgeSpec(tokens=50)})
    with pytest.raises(InputError, match=r"the context has \d+ tokens, and cartridge.tokens is 50; expected at most"):
        train(spec, rows(), lively, tmp_path / "out")


def test_a_model_without_a_cache_is_a_clear_mistake(lively: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(lively, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"use_cache": False}))
    with pytest.raises(InputError, match="use_cache"):
        train(SPEC, rows(), folder, tmp_path / "out")


def test_a_folder_without_a_cartridge_or_of_another_model_is_refused(
    lively: Path, learnt: TrainResult, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="holds no cartridge"):
        load_cartridge(tmp_path, _model(lively))
    from transformers import LlamaConfig, LlamaForCausalLM

    shape: dict[str, Any] = {"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1}
    other = LlamaForCausalLM(LlamaConfig(vocab_size=21, hidden_size=32, intermediate_size=32, **shape))
    with pytest.raises(InputError, match="cartridge of another model"):
        load_cartridge(learnt.checkpoint, other)


def test_memory_is_counted_by_hand(lively: Path) -> None:
    """2 (keys, values) x 2 layers x 4 heads x 8 wide x 6 tokens x 4 bytes."""
    assert kv_bytes(_model(lively).config, TOKENS, 4) == 2 * 2 * 4 * 8 * 6 * 4
