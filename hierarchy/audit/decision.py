"""What an auditor answers. Construction refuses an answer that makes no sense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.vocabulary import Verdict
from hierarchy.audit.errors import Unreadable

_ANSWERS = {verdict.name.lower(): verdict for verdict in (Verdict.ACCEPT, Verdict.REVISE, Verdict.REJECT)}
_TEXTS = ("text", "label", "comment")


@dataclass(frozen=True, slots=True)
class Decision:
    """What an auditor answered. Construction raises Unreadable (an InputError) where the answer makes no sense.

    Attributes:
        verdict: accept, revise or reject.
        auditor: who answered.
        text: the auditor's own revision; with `revise` only.
        latent: simulated content of that revision (uint64 violation bits), where the case has no text.
        label: the settled label, in graphs that label.
        comment: why; minutes: human time spent.
        principles: ids of the principles the auditor names as violated.
        round: how often this auditor had decided the item, and undone it, before; the queue counts it.
    """

    verdict: Verdict
    auditor: str
    text: str | None = None
    latent: int | None = None
    label: str | None = None
    comment: str | None = None
    minutes: float = 0.0
    principles: tuple[str, ...] = ()
    round: int = 0

    def __post_init__(self) -> None:
        """Refuse an answer that could not be applied."""
        if self.verdict not in _ANSWERS.values():
            raise Unreadable(f"verdict {self.verdict.name.lower()!r}; accepted: {', '.join(_ANSWERS)}")
        if not self.auditor.strip():
            raise Unreadable("auditor: empty; expected the name of who decides")
        if self.text is not None and not self.text.strip():
            raise Unreadable("text: empty; expected the revised response")
        revises = self.verdict is Verdict.REVISE
        if revises and self.text is None and self.latent is None:
            raise Unreadable("verdict 'revise' needs the revised response as text")
        if not revises and (self.text is not None or self.latent is not None):
            raise Unreadable(f"verdict {self.verdict.name.lower()!r} takes no text; only 'revise' does")
        for name in (*_TEXTS, "auditor"):
            check_storable(name, getattr(self, name))
        if not 0 <= self.minutes < float("inf"):
            raise Unreadable(f"minutes {self.minutes}: expected a finite number >= 0")

    def says_the_same(self, other: Decision) -> bool:
        """Whether both answer alike, however long they took."""
        return self._said() == other._said()

    def agrees(self, other: Decision) -> bool:
        """Whether both come to the same verdict and label. Nobody writes a revision twice alike; texts may differ."""
        return (self.verdict, self.label) == (other.verdict, other.label)

    def _said(self) -> tuple[Any, ...]:
        return (self.verdict, self.text, self.latent, self.label, self.comment, self.principles)

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON takes it, verdict by name; `decision_from` reads it back."""
        given = {name: getattr(self, name) for name in ("text", "latent", "label", "comment")}
        return {
            "verdict": self.verdict.name.lower(),
            "auditor": self.auditor,
            **{name: value for name, value in given.items() if value is not None},
            "principles": list(self.principles),
            "minutes": self.minutes,
        }


def decision_from(data: Mapping[str, Any]) -> Decision:
    """A decision from the keys of `Decision.to_dict`; Unreadable names the key that is wrong."""
    for name in ("verdict", "auditor"):
        if not isinstance(data.get(name), str):
            raise Unreadable(f"{name}: {data.get(name)!r}; expected text")
    for name in _TEXTS:
        if not isinstance(data.get(name), str | None):
            raise Unreadable(f"{name}: {data.get(name)!r}; expected text")
    latent, minutes, principles = data.get("latent"), data.get("minutes", 0.0), data.get("principles", [])
    if latent is not None and (not isinstance(latent, int) or isinstance(latent, bool) or not 0 <= latent < 2**64):
        raise Unreadable(f"latent: {latent!r}; expected a whole number from 0 to 2^64 - 1")
    if not isinstance(minutes, int | float) or isinstance(minutes, bool):
        raise Unreadable(f"minutes: {minutes!r}; expected a finite number >= 0")
    if not isinstance(principles, list) or not all(isinstance(name, str) for name in principles):
        raise Unreadable(f"principles: {principles!r}; expected a list of ids")
    return Decision(
        verdict=verdict_named(data["verdict"]),
        auditor=data["auditor"],
        text=data.get("text"),
        latent=latent,
        label=data.get("label"),
        comment=data.get("comment"),
        minutes=float(minutes),
        principles=tuple(principles),
    )


def check_storable(name: str, value: str | None) -> None:
    """Raise Unreadable where a database could not keep the text: half a surrogate pair, or a NUL."""
    try:
        (value or "").encode()
    except UnicodeEncodeError as error:
        raise Unreadable(f"{name}: character {error.start + 1} is half a surrogate pair; expected UTF-8 text") from None
    if "\x00" in (value or ""):
        raise Unreadable(f"{name}: character {(value or '').index(chr(0)) + 1} is NUL; expected text without it")


def verdict_named(name: str) -> Verdict:
    """The verdict an auditor may give by this name (`accept`, `revise`, `reject`); Unreadable for another."""
    try:
        return _ANSWERS[name.strip().lower()]
    except KeyError:
        raise Unreadable(f"verdict {name!r}; accepted: {', '.join(_ANSWERS)}") from None
