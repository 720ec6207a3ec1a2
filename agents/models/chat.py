"""From messages to the text a language model reads, with nothing in a message able to forge a marker."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError

from agents.model import Prompt, Unanswerable
from agents.transcript import indented

_MARKER = re.compile(r"<[^<>\s{}'\"]{1,40}>|\[/?[A-Z_]{2,30}\]")
Turns = list[dict[str, str]]


def special_strings(tokenizer: Any) -> list[str]:
    """The strings that no content may form, longest first so that one inside another cannot hide it.

    They are the tokenizer's special tokens, its added tokens that are no plain words or white space (`<think>`), and
    the markers that its chat template writes as ordinary text (`[INST]`).
    """
    added = {str(token): token.special for token in tokenizer.added_tokens_decoder.values()}
    marks = {word for word, special in added.items() if special or _looks_like_a_mark(word)}
    template = tokenizer.chat_template if isinstance(tokenizer.chat_template, str) else ""
    found = marks | set(tokenizer.all_special_tokens) | set(_MARKER.findall(template))
    return sorted(found, key=lambda word: (-len(word), word))


def _looks_like_a_mark(word: str) -> bool:
    return len(word) > 1 and bool(word.strip()) and not word.strip().isalnum()


def neutralise(text: str, specials: Sequence[str]) -> str:
    """`text` with a space after the first character of every special token's string, so that none can form (a string
    of one character becomes the replacement character).

    Reviewed text is hostile: an `<|im_end|>` typed by a user must not close a turn.
    """
    for special in specials:
        if special in text:
            text = text.replace(
                special, f"{special[0]} {special[1:]}" if len(special) > 1 else "\N{REPLACEMENT CHARACTER}"
            )
    return text


def render(tokenizer: Any, specials: Sequence[str], prompt: Prompt) -> str:
    """The prompt as text: contents neutralised, then the tokenizer's chat template.

    A template that refuses a system message gets it at the head of the next user turn. A tokenizer without a template
    (a base model's) gets `role: content` paragraphs, continuation lines indented, and, for a generation prompt,
    `assistant:` at the end. Raises Unanswerable where the template refuses the conversation, and where a content forms
    a special token that cannot be broken.
    """
    turns = [{"role": m.role, "content": _harmless(tokenizer, m.content, specials)} for m in prompt.messages]
    if not tokenizer.chat_template:
        paragraphs = [f"{turn['role']}: {indented(turn['content'])}" for turn in turns]
        return "\n\n".join([*paragraphs, "assistant:"] if prompt.generation_prompt else paragraphs)
    try:
        return _templated(tokenizer, turns, prompt.generation_prompt)
    except TemplateError as error:
        refusal = error
    if any(turn["role"] == "system" for turn in turns):
        try:
            return _templated(tokenizer, _without_system(turns), prompt.generation_prompt)
        except TemplateError as error:
            refusal = error
    raise Unanswerable(f"the tokenizer's chat template refuses a conversation: {refusal}")


def _harmless(tokenizer: Any, text: str, specials: Sequence[str]) -> str:
    """`text` neutralised as the tokenizer will see it: a normaliser can make a marker of what was none (`＜end＞`)."""
    broken = neutralise(text, specials)
    normaliser = getattr(getattr(tokenizer, "backend_tokenizer", None), "normalizer", None)
    if normaliser is None or not _forges(normaliser.normalize_str(broken), specials):
        return broken
    broken = neutralise(normaliser.normalize_str(broken), specials)
    if _forges(normaliser.normalize_str(broken), specials):
        raise Unanswerable("a message forms a special token of the tokenizer in a way that cannot be broken")
    return broken


def _forges(text: str, specials: Sequence[str]) -> bool:
    return any(special in text for special in specials)


def _templated(tokenizer: Any, turns: Turns, generation_prompt: bool) -> str:
    rendered: str = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=generation_prompt)
    return rendered


def _without_system(turns: Turns) -> Turns:
    """The turns with what a system message said put before the next user turn."""
    out: Turns = []
    said: list[str] = []
    for turn in turns:
        if turn["role"] == "system":
            said.append(turn["content"])
        elif turn["role"] == "user" and said:
            out.append({"role": "user", "content": "\n\n".join([*said, turn["content"]])})
            said = []
        else:
            out.append(turn)
    return [*out, *({"role": "user", "content": text} for text in said)]
