"""Making the microworld's models from nothing: data drawn on the fly, a plain training loop, checkpoints in bf16."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from constitutions.errors import InputError
from experiments.world import facts
from experiments.world.roster import ROSTER, ModelSpec
from experiments.world.samples import IGNORED, Sample
from experiments.world.tokens import CONTEXT, tokenizer, word_ids
from experiments.world.words import END, PAD

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM

Ids = npt.NDArray[np.int64]

_BATCHES_A_CHUNK = 32
_HEAD_WIDTH = 32
_WARMUP_STEPS = 80


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a model's training has come; `loss` is the mean over completion tokens of the step's batch."""

    name: str
    step: int
    steps: int
    loss: float


def train_world(
    out: Path,
    names: list[str] | None = None,
    seed: int = 0,
    steps_scale: float = 1.0,
    notes: float = 0.0,
    progress: Callable[[Progress], None] | None = None,
) -> list[Path]:
    """Train the named models (all by default) from scratch and save each to `out/NAME`; returns the folders.

    On one torch thread, so that the same machine makes the same bytes again.
    `seed` shifts every model's weights and data; `steps_scale` shortens (tests) or lengthens the training;
    `notes` is the share of critics' samples with notes of others in them (debate), 0 for the shipped models.
    """
    if not 0.0 <= notes <= 1.0:
        raise InputError(f"notes: {notes} is not accepted; expected a share from 0 to 1")
    chosen = list(ROSTER) if names is None else names
    for name in chosen:
        if name not in ROSTER:
            raise InputError(f"world model: {name!r} is not one of {', '.join(ROSTER)}")
    made = []
    with _one_thread():
        for name in chosen:
            spec = ROSTER[name]
            model = train_model(spec, seed, max(2, round(spec.steps * steps_scale)), notes, progress)
            made.append(save(model, out / name))
    return made


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train_model(
    spec: ModelSpec, seed: int, steps: int, notes: float = 0.0, progress: Callable[[Progress], None] | None = None
) -> LlamaForCausalLM:
    """Train one model with the loss on completions only: AdamW with warm-up and linear decay to nothing."""
    import torch

    torch.manual_seed(facts.digest("weights", seed, spec.seed) % 2**63)
    model = new_model(spec)
    rng = Random(facts.digest("data", seed, spec.data_seed))
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=spec.rate, betas=(0.9, 0.98), weight_decay=0.05)
    for step, (tokens, targets) in enumerate(batches(spec, rng, steps, notes)):
        for group in optimiser.param_groups:
            group["lr"] = spec.rate * min(1.0, (step + 1) / _WARMUP_STEPS, (steps - step) / (0.7 * steps))
        loss = completion_loss(model, torch.from_numpy(tokens), torch.from_numpy(targets))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if progress is not None and (step % 25 == 0 or step == steps - 1):
            progress(Progress(spec.name, step + 1, steps, float(loss.detach())))
    model.train(False)
    return model


def new_model(spec: ModelSpec) -> LlamaForCausalLM:
    """A fresh Llama of the spec's size."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from experiments.world.looking import READER, look_back

    ids = word_ids()
    config = LlamaConfig(
        vocab_size=len(ids),
        hidden_size=spec.width,
        intermediate_size=spec.width * 3,
        num_hidden_layers=spec.layers,
        num_attention_heads=spec.width // _HEAD_WIDTH,
        num_key_value_heads=spec.width // _HEAD_WIDTH,
        max_position_embeddings=CONTEXT,
        pad_token_id=ids[PAD],
        bos_token_id=None,
        eos_token_id=ids[END],
        **(READER if spec.looks_back else {"tie_word_embeddings": False}),
    )
    model = LlamaForCausalLM(config)
    if spec.looks_back:
        look_back(model)
    return model


def completion_loss(model: LlamaForCausalLM, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy over the positions that have a target; padding is on the right, so none is attended to."""
    import torch

    hidden = model.model(input_ids=tokens, use_cache=False).last_hidden_state
    taught = targets != IGNORED
    logits = model.lm_head(hidden[taught])
    return torch.nn.functional.cross_entropy(logits, targets[taught])


def batches(spec: ModelSpec, rng: Random, steps: int, notes: float = 0.0) -> Iterator[tuple[Ids, Ids]]:
    """Batches [B, T] of tokens and targets; a chunk is sorted by length so that little is padding."""
    for start in range(0, steps, _BATCHES_A_CHUNK):
        count = min(_BATCHES_A_CHUNK, steps - start)
        done = start / steps
        drawn = sorted(
            (spec.sample(rng, notes, done) for _ in range(count * spec.batch)), key=lambda one: len(one.tokens)
        )
        order = list(range(count))
        rng.shuffle(order)
        for index in order:
            yield padded(drawn[index * spec.batch : (index + 1) * spec.batch])


def padded(samples: list[Sample]) -> tuple[Ids, Ids]:
    """Samples as two arrays [B, T], padded on the right."""
    longest = math.ceil(max(len(sample.tokens) for sample in samples) / 8) * 8
    tokens = np.full((len(samples), longest), word_ids()[PAD], dtype=np.int64)
    targets = np.full((len(samples), longest), IGNORED, dtype=np.int64)
    for row, sample in enumerate(samples):
        tokens[row, : len(sample.tokens)] = sample.tokens
        targets[row, : len(sample.targets)] = sample.targets
    return tokens, targets


def save(model: LlamaForCausalLM, folder: Path) -> Path:
    """Write a checkpoint that `from_pretrained(folder)` loads: bf16 weights, config, tokenizer, generation defaults."""
    import torch
    from transformers import GenerationConfig

    ids = word_ids()
    stored = torch.nn.Module.to(model, torch.bfloat16)
    stored.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False, max_new_tokens=96, eos_token_id=ids[END], pad_token_id=ids[PAD]
    )
    stored.save_pretrained(folder, safe_serialization=True)
    tokenizer().save_pretrained(folder)
    return folder
