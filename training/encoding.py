"""From conversations to token ids: what the model reads, and on which tokens it is trained.

A sequence is the ids of the rendered prompt followed by the ids of the rest of the rendered conversation. The two
parts are tokenised apart, because the prompt's ids must be exactly those that generation will see: tokenised together,
a word piece could grow across the boundary, and the model would learn to continue a prompt that it never meets. Where
the template leaves the assistant's turn open (the microworld's does), the end-of-sequence token closes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents.model import Prompt
from agents.models.chat import render, special_strings
from agents.records import Message
from constitutions.errors import InputError
from training.datasets import PreferenceRow, Row
from training.losses import IGNORED


@dataclass(frozen=True, slots=True)
class TokenSequence:
    """Token ids of a prompt with its completion; `labels` are the same ids, `IGNORED` outside the completion."""

    input_ids: list[int]
    labels: list[int]

    def __len__(self) -> int:
        return len(self.input_ids)


@dataclass(slots=True)
class Example:
    """One encoded row: a supervised row has `rejected` None. `soft_label`, `margin` and `weight` enter the loss.

    `reference_chosen` and `reference_rejected` are the reference model's summed log-probabilities of the two
    completions, filled in once before training (`training.reference`). `where` names the row's case.
    """

    chosen: TokenSequence
    rejected: TokenSequence | None
    weight: float
    soft_label: float = 1.0
    margin: float = 0.0
    reference_chosen: float = 0.0
    reference_rejected: float = 0.0
    where: str = ""


@dataclass(slots=True)
class Labelled:
    """One encoded answer with its label, for KTO.

    `mismatched` is its prompt with the answer to another prompt (`training.unpaired.mismatch`). The references are
    the reference model's summed log-probabilities of the two completions.
    """

    answer: TokenSequence
    desirable: bool
    weight: float
    mismatched: TokenSequence
    reference: float = 0.0
    reference_mismatched: float = 0.0
    where: str = ""


@dataclass(frozen=True, slots=True)
class Encoded:
    """The encoded rows in order, and how many were skipped because a sequence was longer than `max_length`."""

    examples: list[Example]
    skipped: int


class Encoder:
    """Encodes rows with one tokenizer. Raises InputError for a tokenizer without chat template or end token."""

    def __init__(self, tokenizer: Any, max_length: int) -> None:
        self.tokenizer = tokenizer
        self.max_length = max_length
        name = getattr(tokenizer, "name_or_path", "") or "the tokenizer"
        if not tokenizer.chat_template:
            raise InputError(f"{name}: has no chat template; expected a tokenizer with one (chat_template.jinja)")
        if tokenizer.eos_token_id is None:
            raise InputError(f"{name}: has no end-of-sequence token; expected a tokenizer with eos_token set")
        self.specials = special_strings(tokenizer)
        unknown = {tokenizer.unk_token_id} - {tokenizer.eos_token_id}
        self.closing_ids = frozenset(tokenizer.convert_tokens_to_ids(self.specials)) - unknown

    def encode(self, rows: Sequence[Row]) -> Encoded:
        """Every row that fits, in order.

        Raises InputError, naming the case, for an empty prompt or completion, a pair of two equal answers, and an
        unusable template.
        """
        examples = []
        for row in rows:
            example = self._example(row)
            longest = max(len(example.chosen), len(example.rejected) if example.rejected else 0)
            if longest <= self.max_length:
                examples.append(example)
        return Encoded(examples, len(rows) - len(examples))

    def _example(self, row: Row) -> Example:
        where = row.lineage.where
        if isinstance(row, PreferenceRow):
            if row.chosen == row.rejected:
                raise InputError(f"{where}: chosen and rejected are the same; expected two different answers")
            return Example(
                chosen=self.sequence(row.prompt, row.chosen, where),
                rejected=self.sequence(row.prompt, row.rejected, where),
                weight=row.weight,
                soft_label=row.soft_label,
                margin=row.margin,
                where=where,
            )
        return Example(self.sequence(row.prompt, row.completion, where), None, row.weight, where=where)

    def sequence(self, prompt: Sequence[Message], completion: Sequence[Message], where: str = "row") -> TokenSequence:
        """The ids of one conversation, labelled on the completion with the token that closes it.

        A completion of the role of the prompt's last turn continues that turn (an overseer's verdict on what its last
        turn names); every other one is a turn of its own.

        Raises InputError (naming `where`) when the rendered prompt is not how the rendered conversation begins, and
        when nothing is left to learn.
        """
        if not any(message.content.strip() for message in completion):
            raise InputError(f"{where}: the completion is empty; expected text to learn")
        goes_on = bool(prompt) and prompt[-1].role == completion[0].role
        start = self._render(prompt, generation_prompt=not goes_on)
        whole = self._render(_joined(prompt, completion) if goes_on else [*prompt, *completion], False)
        if not whole.startswith(start):
            raise InputError(
                f"{where}: the tokenizer's chat template renders the prompt differently once it is answered; "
                "expected a template whose prompt (with generation prompt) is the beginning of the whole conversation"
            )
        prompt_ids = self._ids(start)
        answer_ids = self._closed(self._ids(whole[len(start) :]))
        if len(answer_ids) < 2:
            raise InputError(f"{where}: the completion is empty; expected text to learn")
        if not prompt_ids:
            raise InputError(f"{where}: the prompt is empty; expected something to answer")
        return TokenSequence(prompt_ids + answer_ids, [IGNORED] * len(prompt_ids) + answer_ids)

    def prompt_ids(self, prompt: Sequence[Message]) -> list[int]:
        """The ids that generation begins from."""
        return self._ids(self._render(prompt, generation_prompt=True))

    def _render(self, messages: Sequence[Message], generation_prompt: bool) -> str:
        return render(self.tokenizer, self.specials, Prompt(tuple(messages), generation_prompt))

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _closed(self, answer_ids: list[int]) -> list[int]:
        """The answer up to the special token with which the template ends the turn, or with the end token appended.

        Contents are neutralised, so a special token other than the unknown one can only come from the template. It
        closes the turn if nothing but white space follows, which is never generated and not learnt.
        """
        for index in range(len(answer_ids) - 1, -1, -1):
            if answer_ids[index] in self.closing_ids:
                if self.tokenizer.decode(answer_ids[index + 1 :]).strip():
                    break
                return answer_ids[: index + 1]
        return [*answer_ids, self.tokenizer.eos_token_id]


def _joined(prompt: Sequence[Message], completion: Sequence[Message]) -> list[Message]:
    """The conversation with the completion's first turn put on at the end of the prompt's last one."""
    last, first = prompt[-1], completion[0]
    return [*prompt[:-1], Message(last.role, f"{last.content} {first.content}".lstrip()), *completion[1:]]
