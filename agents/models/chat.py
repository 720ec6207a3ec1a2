"""From messages to the text a language model reads, with nothing in a message able to forge a marker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.model import Prompt


def special_strings(tokenizer: Any) -> list[str]:
    """The strings that become special tokens, longest first so that one inside another cannot hide it."""
    added = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    return sorted(added | set(tokenizer.all_special_tokens), key=lambda word: (-len(word), word))


def neutralise(text: str, specials: Sequence[str]) -> str:
    """`text` with a space after the first character of every special token's string, so that none can form.

    Reviewed text is hostile: an `<|im_end|>` typed by a user must not close a turn.
    """
    for special in specials:
        if special in text:
            text = text.replace(special, f"{special[0]} {special[1:]}")
    return text


def render(tokenizer: Any, specials: Sequence[str], prompt: Prompt) -> str:
    """The prompt as text: contents neutralised, then the tokenizer's chat template.

    A tokenizer without a template (a base model's) gets `role: content` paragraphs and, for a generation prompt,
    `assistant:` at the end.
    """
    turns = [{"role": m.role, "content": neutralise(m.content, specials)} for m in prompt.messages]
    if tokenizer.chat_template:
        rendered: str = tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=prompt.generation_prompt
        )
        return rendered
    paragraphs = [f"{turn['role']}: {turn['content']}" for turn in turns]
    return "\n\n".join([*paragraphs, "assistant:"] if prompt.generation_prompt else paragraphs)
