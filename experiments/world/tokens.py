"""The tokenizer of the microworld: one token a word, role markers as special tokens, and a chat template."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from experiments.world.words import END, PAD, ROLE_MARKERS, UNKNOWN, vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

CONTEXT = 512
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<' + message['role'] + '> ' }}"
    "{% if message['content'] %}{{ message['content'] + ' ' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant> ' }}{% endif %}"
)
"""Each message is '<role> content '; the last one has no closer, so an empty `critic` message asks for a critique."""


@cache
def word_ids() -> dict[str, int]:
    """Token id of every word."""
    return {word: index for index, word in enumerate(vocabulary())}


def encode(text: str) -> list[int]:
    """Token ids of a text, without a model's tokenizer (training data goes this way; a test compares the two)."""
    ids = word_ids()
    unknown = ids[UNKNOWN]
    return [ids.get(word, unknown) for word in text.split()]


def tokenizer() -> PreTrainedTokenizerFast:
    """The Hugging Face tokenizer that is saved beside every checkpoint; pads on the left, for generation."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel(word_ids(), unk_token=UNKNOWN))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made: PreTrainedTokenizerFast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=words,
        unk_token=UNKNOWN,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=list(ROLE_MARKERS),
        model_max_length=CONTEXT,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
    made.chat_template = CHAT_TEMPLATE
    return made
