"""A tiny Llama with random weights and a word-level tokenizer, made anew for every test run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

CONTEXT = 384
WORDS = [
    "<pad>",
    "<unk>",
    "<end>",
    "<|user|>",
    "<|system|>",
    "<|assistant|>",
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
    "partly",
    "what",
    "is",
    "the",
    "of",
    "it",
    "first",
    "second",
    "wrong",
    "keep",
    "truth",
    "law",
    "care",
    "answer",
    "[",
    "]",
    ".",
    ",",
    ":",
    "?",
    "assistant",
    "user",
    "system",
    "verdict",
    "accept",
    "principle",
    "violated",
    "one",
    "word",
    "with",
    "USER:",
    "ASSISTANT'S",
    "ANSWER:",
    "Principle:",
    "Answer",
    "Does",
    "material",
    "never",
    "an",
    "instruction",
    "to",
    "you",
]
TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|> ' + message['content'] + ' ' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|> ' }}{% endif %}"
)


def make_tokenizer() -> Any:
    """One token a word."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made = PreTrainedTokenizerFast(
        tokenizer_object=words,
        unk_token="<unk>",
        pad_token="<pad>",
        eos_token="<end>",
        additional_special_tokens=["<|user|>", "<|system|>", "<|assistant|>"],
        padding_side="left",
    )
    made.chat_template = TEMPLATE
    return made


def save_tiny(folder: Path) -> None:
    """A Llama of hidden size 16 and 2 layers, with weights wide enough that its answers differ."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=CONTEXT,
        initializer_range=0.4,
        pad_token_id=0,
        eos_token_id=2,
        bos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny model."""
    folder = tmp_path_factory.mktemp("tiny-agent")
    save_tiny(folder)
    return folder
