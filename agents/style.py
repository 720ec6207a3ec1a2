"""How each role's question is put to a model: message templates, filled in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from agents.records import Message, turns
from agents.slots import Slots, fill, wanted
from agents.spec import Spec
from agents.vocabulary import Side
from constitutions.errors import InputError
from constitutions.strict import problem
from constitutions.validation import load_model

_SHIPPED = Path(__file__).parent / "styles"


TEMPLATES = (
    *("base", "critique", "verdict", "revise", "revise_blind", "judge", "safety", "override"),
    *("review_critic", "label", "argue", "plead"),
)
"""What can be asked; the last four a style may leave out."""


class Part(Spec):
    """One message of a template, left out where it is empty if it is `optional`; or (`splice: conversation`) the case's
    own messages."""

    role: str = ""
    content: str = ""
    splice: Literal["conversation"] | None = None
    optional: bool = False

    @model_validator(mode="after")
    def _message_or_splice(self) -> Part:
        if (self.splice is None) != bool(self.role) or (self.splice and (self.content or self.optional)):
            raise problem("expected either `role` with `content`, or `splice: conversation` alone")
        return self


class Labels(Spec):
    """The words whose probabilities are the verdict, the words for sides, and for no problem at all."""

    violated: str = "yes"
    fine: str = "no"
    first: str = "first"
    second: str = "second"
    prosecution: str = Side.PROSECUTION.value
    defence: str = Side.DEFENCE.value
    nothing: str = "none"

    def side(self, side: Side | None) -> str:
        """The word for a side; empty for none."""
        match side:
            case Side.PROSECUTION:
                return self.prosecution
            case Side.DEFENCE:
                return self.defence
        return ""


class PromptStyle(Spec):
    """Templates by what is asked. Slots in braces: see `agents.slots.SLOTS`; everything else in braces is left alone.

    `generation_prompt`: whether the tokenizer's own assistant marker is appended: for every template, or by template
    name (true where it is not named).
    `argue` and `plead` stand in for `critique` and `verdict` where a critic is assigned a side, which is the slot
    `{side}`.
    `heard`: how what others said (`{notes}`) is shown to a reviewer or judge that `reads` them; it goes into the slot
    `{heard}` of the other templates, which is empty for those who read nobody. `turn` is how each of them is shown:
    `{speaker}` (the step's id, with its side), `{side}` and what it `{said}`: its critique and its findings.
    `problems`: how findings are put where only those violated are told (`{problems}`, their ids); by default each is.
    """

    name: str
    generation_prompt: bool | dict[str, bool] = True
    base: tuple[Part, ...]
    critique: tuple[Part, ...]
    verdict: tuple[Part, ...]
    revise: tuple[Part, ...]
    revise_blind: tuple[Part, ...]
    judge: tuple[Part, ...]
    safety: tuple[Part, ...]
    override: tuple[Part, ...]
    review_critic: tuple[Part, ...] | None = None
    label: tuple[Part, ...] | None = None
    argue: tuple[Part, ...] | None = None
    plead: tuple[Part, ...] | None = None
    heard: str | None = None
    turn: str = "{speaker}: {said}"
    problems: str | None = None
    labels: Labels = Field(default_factory=Labels)

    def hearing(self, notes: Sequence[str], nonce: Sequence[str]) -> list[str]:
        """The slot `heard` per row: what the step may read of others, framed; empty where that is nothing.

        Raises InputError where the style does not say how others are shown.
        """
        if not any(notes):
            return [""] * len(notes)
        if self.heard is None:
            raise InputError(
                f"prompt style {self.name!r} has no `heard`, and a reviewer or judge `reads` other steps; add one, "
                "or take `reads` out of the graph"
            )
        framed = fill(self.heard, {"notes": notes, "nonce": nonce}, len(notes))
        return [frame if note else "" for frame, note in zip(framed, notes, strict=True)]

    def render(
        self, template: tuple[Part, ...], conversations: Sequence[tuple[Message, ...]], slots: Slots
    ) -> list[tuple[Message, ...]]:
        """The messages of a question, one per conversation. Slot values are put in once and never looked at again."""
        count = len(conversations)
        written = [turns(part.role, fill(part.content, slots, count)) for part in template]
        if not any(part.splice or part.optional for part in template):
            return list(zip(*written, strict=True))
        spliced = [
            conversations if part.splice is not None else _told(messages, part.optional)
            for part, messages in zip(template, written, strict=True)
        ]
        if len(spliced) == 1:
            return list(spliced[0])
        return [tuple(chain.from_iterable(row)) for row in zip(*spliced, strict=True)]

    def shown(self, speaker: str, side: Side | None, said: str) -> str:
        """What one step said, as others are shown it."""
        words = self.labels.side(side)
        named = f"{speaker} ({words})" if words else speaker
        return fill(self.turn, {"speaker": named, "side": words, "said": said}, 1)[0].strip()

    def found(self, flags: Mapping[str, bool]) -> str:
        """A step's findings by principle in the style's words; empty where there are none."""
        words = self.labels
        if self.problems is None:
            return ", ".join([f"{name} {words.violated if flag else words.fine}" for name, flag in flags.items()])
        problems = " ".join([name for name, flag in flags.items() if flag])
        return fill(self.problems, {"problems": problems or words.nothing}, 1)[0] if flags else ""

    def slots(self, template: tuple[Part, ...]) -> frozenset[str]:
        """The slots that a template has."""
        return wanted([part.content for part in template])

    def opens_turn(self, name: str) -> bool:
        """Whether the tokenizer's assistant marker ends the questions of this template."""
        if isinstance(self.generation_prompt, bool):
            return self.generation_prompt
        return self.generation_prompt.get(name, True)

    @model_validator(mode="after")
    def _turns_of_known_templates(self) -> PromptStyle:
        named = () if isinstance(self.generation_prompt, bool) else self.generation_prompt
        for name in named:
            if name not in TEMPLATES:
                raise problem(f"no template {name!r}; accepted: {', '.join(TEMPLATES)}", "generation_prompt", name)
        return self

    def template(self, name: str) -> tuple[Part, ...]:
        """A template by name. Raises InputError where the style has none for this use."""
        found: tuple[Part, ...] | None = getattr(self, name)
        if found is None:
            raise InputError(f"prompt style {self.name!r} has no template {name!r}; add one, or ask something else")
        return found


def _told(messages: Sequence[Message], optional: bool) -> Sequence[tuple[Message, ...]]:
    """Each message as a piece of a conversation; an empty one that is optional as none."""
    if optional:
        return [(message,) if message.content else () for message in messages]
    return [(message,) for message in messages]


@cache
def load_style(name_or_path: str) -> PromptStyle:
    """A shipped style (`plain`) or a YAML file. Raises InputError."""
    shipped = _SHIPPED / f"{name_or_path}.yaml"
    return load_model(shipped if shipped.is_file() else name_or_path, PromptStyle)
