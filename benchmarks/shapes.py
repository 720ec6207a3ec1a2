"""Llama shapes with random weights, a tokenizer of one token a word, and rows of an exact length, for benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from agents.records import Message
from training.datasets import PreferenceRow, Row, SftRow
from training.lineage import Lineage

MARKERS = ("<pad>", "<unk>", "<end>", "<user>", "<assistant>")
TEMPLATE = (
    "{% for m in messages %}{{ '<' + m['role'] + '> ' + m['content'] + ' ' }}"
    "{% if m['role'] == 'assistant' %}{{ '<end>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant> ' }}{% endif %}"
)


@dataclass(frozen=True)
class Shape:
    """A Llama by its sizes; `row`: tokens of a row with its markers, `sequence`: of a packed sequence."""

    name: str
    hidden: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    vocabulary: int
    tied: bool
    row: int
    sequence: int

    def config(self) -> Any:
        """The shape as transformers' configuration."""
        from transformers import LlamaConfig

        return LlamaConfig(
            vocab_size=self.vocabulary,
            hidden_size=self.hidden,
            intermediate_size=self.inner,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.kv_heads,
            max_position_embeddings=self.sequence,
            tie_word_embeddings=self.tied,
            pad_token_id=0,
            bos_token_id=None,
            eos_token_id=2,
        )

    def flops(self, parameters: int, row: int, frozen: bool = False) -> float:
        """Model FLOPs a token in training (see above); `parameters` are all of the model's."""
        multiplied = parameters - (0 if self.tied else self.vocabulary * self.hidden)
        return (4 if frozen else 6) * multiplied + 6 * self.layers * self.hidden * row


ONE = Shape("Llama 1B", 2048, 8192, 16, 32, 8, 32_000, True, 512, 2048)
EIGHT = Shape("Llama 8B", 4096, 14_336, 32, 32, 8, 128_256, False, 512, 2048)
TINY = Shape("tiny", 64, 128, 2, 4, 2, 512, True, 16, 64)


def checkpoint(shape: Shape, folder: Path) -> int:
    """Write a model of the shape, random and in bfloat16, with a tokenizer of one token a word; its parameters."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

    names = [*MARKERS, *(f"w{i}" for i in range(shape.vocabulary - len(MARKERS)))]
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(names)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer: Any = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=words,
        pad_token="<pad>",
        unk_token="<unk>",
        eos_token="<end>",
        additional_special_tokens=["<user>", "<assistant>"],
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
            model = LlamaForCausalLM(shape.config())
    finally:
        torch.set_default_dtype(before)
    model.save_pretrained(folder)
    return sum(weight.numel() for weight in model.parameters())


def rows(shape: Shape, count: int, row: int, pairs: bool) -> list[Row]:
    """Rows of `row` tokens: half prompt, half answer, three of them markers."""
    asked, answered = row // 2 - 1, row - row // 2 - 2

    def text(start: int, length: int) -> str:
        return " ".join(f"w{(start * 31 + i * 7) % (shape.vocabulary - len(MARKERS))}" for i in range(length))

    made: list[Row] = []
    for i in range(count):
        lineage = Lineage("bench", "bench", str(i), (), (), (), "released", 1.0, False, 1.0)
        prompt, good = (Message("user", text(i, asked)),), (Message("assistant", text(i + 1, answered)),)
        bad = (Message("assistant", text(i + 2, answered)),)
        made.append(
            PreferenceRow(prompt, good, bad, 1.0, 1.0, lineage) if pairs else SftRow(prompt, good, 1.0, lineage)
        )
    return made
