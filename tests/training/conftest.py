"""A tiny Llama with a word-level tokenizer, made anew for every test run, and settled cases to train it on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.records import Message, Settlement, Written

WORDS = [
    "<pad>",
    "<unk>",
    "<end>",
    "<user>",
    "<assistant>",
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "g",
    "h",
    "yes",
    "no",
    "what",
    "is",
    "the",
    "of",
    ":",
    ".",
]
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<' + message['role'] + '> ' }}"
    "{% if message['content'] %}{{ message['content'] + ' ' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant> ' }}{% endif %}"
)


def _word_tokenizer(pad_token: str | None = "<pad>") -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made = PreTrainedTokenizerFast(
        tokenizer_object=words,
        unk_token="<unk>",
        pad_token=pad_token,
        eos_token="<end>",
        additional_special_tokens=["<user>", "<assistant>"],
        padding_side="left",
    )
    made.chat_template = CHAT_TEMPLATE
    return made


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder: a Llama of hidden size 32 and 2 layers with random weights, and its tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=64,
        tie_word_embeddings=True,
        pad_token_id=0,
        eos_token_id=2,
        bos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    _word_tokenizer().save_pretrained(folder)
    return folder


def _settle(
    case_id: str, *texts: str, outcome: str = "released", prompt: str = "what is a ?", **changes: Any
) -> Settlement:
    """A settled case whose responses are `texts`, oldest first; `changes` override any field."""
    fields: dict[str, Any] = {
        "arm": "panel",
        "case_id": case_id,
        "messages": (Message("user", prompt),),
        "outcome": outcome,
        "final": texts[-1] if texts else None,
        "responses": tuple(Written(f"step{i}", 0, i, text) for i, text in enumerate(texts)),
        "steps": ("base", "critic"),
        "verdicts": (("critic", "accept"),),
        "principles": (),
        "agreement": 1.0,
        "missing": False,
        "audited": False,
        "unreviewed": False,
    }
    return Settlement(**(fields | changes))


@pytest.fixture
def corrected() -> Callable[[int], list[Settlement]]:
    """Makes n revised cases that teach one rule: the answer is `yes` and the letter asked about, not `no`."""

    def make(n: int) -> list[Settlement]:
        letters = "abcdefgh"
        return [
            _settle(
                f"case{i:03d}",
                f"no {letters[(i + 3) % 8]}",
                f"yes {letters[i % 8]}" + " ." * (i % 3),
                outcome="revised",
                prompt=f"what is the {letters[i % 8]} of {letters[i // 8 % 8]}",
                agreement=(0.5, 0.75, 1.0)[i % 3],
            )
            for i in range(n)
        ]

    return make


@pytest.fixture
def settle() -> Callable[..., Settlement]:
    """Makes one settled case, see `_settle`."""
    return _settle


@pytest.fixture
def word_tokenizer() -> Callable[..., Any]:
    """Makes the tiny model's tokenizer; `pad_token=None` for one that has no pad token."""
    return _word_tokenizer
