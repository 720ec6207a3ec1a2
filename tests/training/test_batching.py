from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from agents.records import Settlement
from constitutions.errors import InputError
from training.batching import Collator, PackedCollator, divide, own_pad_id, pack, pad_id
from training.datasets import preference_rows, sft_rows
from training.encoding import Encoder
from training.losses import IGNORED
from training.objectives import SftObjective

Tokenizers = Callable[..., Any]
Corrected = Callable[[int], list[Settlement]]


def test_padding_is_masked_with_and_without_a_pad_token(
    word_tokenizer: Tokenizers, settle: Callable[..., Settlement]
) -> None:
    rows = sft_rows([settle("a", "yes"), settle("b", "yes b c")], "run")
    for tokenizer in (word_tokenizer(), word_tokenizer(pad_token=None)):
        examples = Encoder(tokenizer, 64).encode(rows).examples
        batch = Collator(pad_id(tokenizer))(list(enumerate(examples)))
        lengths = [len(example.chosen) for example in examples]
        assert batch["attention_mask"].sum(dim=1).tolist() == lengths
        assert (batch["labels"][0, lengths[0] :] == IGNORED).all()
        assert batch["labels"][0, lengths[0] - 1] == tokenizer.eos_token_id


def test_pairs_and_supervised_rows_share_a_batch(
    word_tokenizer: Tokenizers, corrected: Callable[[int], list[Settlement]]
) -> None:
    pairs, supervised = preference_rows(corrected(2), "run"), sft_rows(corrected(1), "run")
    encoder = Encoder(word_tokenizer(), 64)
    examples = encoder.encode([pairs[0], supervised[0], pairs[1]]).examples
    batch = Collator(0)(list(enumerate(examples)))
    assert batch["input_ids"].shape[0] == 5
    assert batch["pair_P"].tolist() == [0, 2]
    rejected = examples[2].rejected
    assert rejected is not None
    assert batch["input_ids"][4, : len(rejected)].tolist() == rejected.input_ids


def _model(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def test_packed_rows_have_the_loss_and_the_gradient_of_padded_ones(
    tiny: Path, word_tokenizer: Tokenizers, corrected: Corrected
) -> None:
    """No row sees another: the longest sequence holds several rows, of different weights."""
    examples = Encoder(word_tokenizer(), 64).encode(sft_rows(corrected(12), "run")).examples
    packed = pack(examples, 40)
    assert max(len(each.rows) for each in packed) >= 3
    assert max(map(len, packed)) <= 40
    assert sorted(index for each in packed for index, _ in each.rows) == list(range(12))
    found = []
    for batch in (Collator(0)(list(enumerate(examples))), PackedCollator(0)(list(enumerate(packed)))):
        divide([batch])
        model = _model(tiny)
        loss, _ = SftObjective()(model, batch)
        loss.backward()
        found.append((loss.item(), model.model.embed_tokens.weight.grad))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-6)
    assert torch.allclose(found[0][1], found[1][1], atol=1e-6)


def test_best_fit_fills_sequences(word_tokenizer: Tokenizers, corrected: Corrected) -> None:
    examples = Encoder(word_tokenizer(), 64).encode(sft_rows(corrected(60), "run")).examples
    tokens = sum(len(example.chosen) for example in examples)
    assert len(pack(examples, 64)) == -(-tokens // 64)
    assert len(pack(examples, max(len(example.chosen) for example in examples))) == 60


def test_a_step_divides_by_the_counts_of_all_its_batches(word_tokenizer: Tokenizers, corrected: Corrected) -> None:
    encoder = Encoder(word_tokenizer(), 64)
    rows = [*preference_rows(corrected(3), "run"), *sft_rows(corrected(2), "run")]
    examples = list(enumerate(encoder.encode(rows).examples))
    whole, parts = Collator(0)(examples), [Collator(0)(examples[:4]), Collator(0)(examples[4:])]
    divide([whole])
    divide(parts)
    learnt = int((whole["labels"][:5, 1:] != IGNORED).sum())
    assert {batch["step_tokens"] for batch in (whole, *parts)} == {learnt}
    assert {batch["step_pairs"] for batch in (whole, *parts)} == {3}


def test_a_reward_is_read_before_padding_that_must_be_told_from_text(word_tokenizer: Tokenizers) -> None:
    assert own_pad_id(word_tokenizer()) == 0
    with pytest.raises(InputError, match="no pad token of its own"):
        own_pad_id(word_tokenizer(pad_token=None))
    with pytest.raises(InputError, match="no pad token of its own"):
        own_pad_id(word_tokenizer(pad_token="<end>"))
