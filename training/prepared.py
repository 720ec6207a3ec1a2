"""Everything a training needs, loaded and encoded before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import set_seed

from constitutions.errors import InputError
from training.batching import Batch, Collator, PackedCollator, UnpairedCollator, own_pad_id, pack, pad_id
from training.config import TrainSpec
from training.datasets import Row, SftRow
from training.distillation import TaughtCollator, encode_taught, with_context
from training.encoding import Encoder
from training.loading import load_model, load_tokenizer
from training.unpaired import encode_unpaired, unpair


@dataclass(frozen=True, slots=True)
class Prepared:
    """Encoded rows (of the kind that the method's collator takes), the collator, model and tokenizer.

    `rows` and `skipped` count what was given; `examples` are fewer where rows are packed. `context_ids` are the tokens
    that only the teacher of a distillation reads.
    """

    examples: list[Any]
    held_out: list[Any]
    rows: int
    skipped: int
    collator: Callable[[Sequence[Any]], Batch]
    filler: int
    tokenizer: Any
    model: Any
    notes: tuple[str, ...]
    context_ids: tuple[int, ...] = ()


def prepare(spec: TrainSpec, rows: Sequence[Row], held_out: Sequence[Row], model_path: str | Path) -> Prepared:
    """Load the tokenizer, encode all rows, load the model. Raises InputError for whatever is wrong with them."""
    tokenizer = load_tokenizer(model_path)
    encoder = Encoder(tokenizer, spec.max_length)
    examples, skipped = _encode(spec, encoder, rows)
    if not [item for item in examples if spec.method not in ("dpo", "ipo") or item.rejected is not None]:
        kind = "pairs" if spec.method in ("dpo", "ipo", "reward") else "rows"
        raise InputError(f"training: all {kind} are longer than max_length {spec.max_length}; expected a larger one")
    measured, _ = _encode(spec, encoder, held_out)
    filler = own_pad_id(tokenizer) if spec.method == "reward" else pad_id(tokenizer)
    set_seed(spec.seed)  # a reward head is new
    model = load_model(model_path, spec)
    if spec.method == "reward":
        model.config.pad_token_id = filler
    return Prepared(
        examples=pack(examples, spec.max_length) if spec.packing else examples,
        held_out=pack(measured, spec.max_length) if spec.packing else measured,
        rows=len(examples),
        skipped=skipped,
        collator=_collator(spec, filler),
        filler=filler,
        tokenizer=tokenizer,
        model=model,
        notes=_notes(spec, tokenizer, filler, skipped),
        context_ids=tuple(encoder.open_ids(with_context(spec.context, ()))) if spec.context else (),
    )


def _encode(spec: TrainSpec, encoder: Encoder, rows: Sequence[Row]) -> tuple[list[Any], int]:
    if spec.method == "kto":
        return encode_unpaired(encoder, unpair(rows))
    if spec.method == "distil":
        return encode_taught(encoder, [row for row in rows if isinstance(row, SftRow)], spec.context)
    encoded = encoder.encode(rows)
    return encoded.examples, encoded.skipped


def _collator(spec: TrainSpec, filler: int) -> Callable[[Sequence[Any]], Batch]:
    if spec.packing:
        return PackedCollator(filler)
    if spec.method == "distil":
        return TaughtCollator(filler)
    return UnpairedCollator(filler) if spec.method == "kto" else Collator(filler)


def _notes(spec: TrainSpec, tokenizer: Any, filler: int, skipped: int) -> tuple[str, ...]:
    notes = []
    if tokenizer.pad_token_id is None:
        token = tokenizer.convert_ids_to_tokens(filler)
        notes.append(f"the tokenizer has no pad token; short rows are filled with {token}, masked out")
    if spec.cartridge is not None and spec.gradient_checkpointing:
        notes.append(
            "gradient_checkpointing is off: a cartridge is read from the key-value cache, which it goes without"
        )
    if skipped:
        notes.append(f"{skipped} rows are longer than max_length {spec.max_length} and were left out")
    return tuple(notes)
