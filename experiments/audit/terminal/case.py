"""How a case is shown. Every text comes as `Content` of what is visible of it, so that nothing in it is markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from experiments.audit.diff import Fate, Part
from experiments.audit.keys import MOST_MARKED, key_of
from experiments.audit.sitting import Written
from experiments.audit.view import age
from hierarchy.audit.reading import Given
from hierarchy.audit.records import Item, State
from hierarchy.audit.safe_text import visible

STYLES: dict[Fate, str] = {"same": "", "removed": "strike $text-error", "added": "bold $text-success"}


def plain(text: str, style: str = "") -> Content:
    """Text of whatever origin, its own lines kept, in one style."""
    return Content.styled(visible(text, lines=True), style) if style else Content(visible(text, lines=True))


def block(text: str | Content, classes: str) -> Static:
    """A piece of text on the screen. Its bar and its place are not the text's to draw."""
    return Static(plain(text) if isinstance(text, str) else text, classes=classes, markup=False)


def heading(text: str, classes: str = "heading") -> Static:
    """The name of what follows."""
    return block(Content(visible(text)), classes)


def changed(parts: Sequence[Part]) -> Content:
    """A difference: what was removed struck out, what was added bold."""
    return Content.assemble(*((visible(part.text, lines=True), STYLES[part.fate]) for part in parts))


def about(item: Item, now: float) -> Content:
    """The line above a case: what it is called, how urgent it is, how long it waits and when it is due."""
    due = "" if item.due_at == float("inf") else f" · due in {age(item.due_at - now)}"
    waits = f" · waits {age(now - item.enqueued_at)}" if item.enqueued_at else ""
    disputed = " · the reviewers disagree" if item.state is State.DISPUTED else ""
    told = f" · {item.arm} · {item.step} · priority {item.priority:.2f}{waits}{due}{disputed}"
    return Content.assemble((visible(item.case_id), "bold"), (visible(told), "$text-muted"))


def conversation(item: Item) -> Iterator[Widget]:
    """What was said, and the response under review."""
    for message in item.payload.get("messages", []):
        yield heading(str(message["role"]), "role")
        yield block(str(message["content"]), "turn")
    yield heading("response under review", "role reviewed")
    response = item.payload.get("response")
    yield block("(a simulated case: it has no text)" if response is None else str(response), "turn response")


class PrincipleLine(Vertical):
    """A principle by its number, with its text; whether the auditor marked it as violated, and whether a reviewer
    flagged it."""

    def __init__(self, number: int, principle: str, statement: str) -> None:
        self._head, self._body = Static(markup=False), block(statement, "statement")
        super().__init__(self._head, self._body, classes="principle")
        self._key, self.principle = str(number) if number <= MOST_MARKED else " ", principle

    def draw(self, marked: bool, flagged: bool) -> None:
        """Show it so."""
        box = ("■ ", "$text-error") if marked else ("□ ", "$text-muted")
        tail = [(" violated", "bold $text-error")] * marked + [(" flagged", "$text-warning")] * flagged
        name = (visible(self.principle), "bold")
        self._head.update(Content.assemble((f"{self._key} ", "bold $text-accent"), box, name, *tail))
        self._body.set_class(not (marked or flagged), "muted")


def flagged(item: Item) -> list[str]:
    """The principles that some overseer flagged, where that may be seen."""
    return [str(name) for review in (item.hidden or {}).get("reviews", []) for name in review.get("flagged", [])]


def findings(item: Item, said: Sequence[Given]) -> Iterator[Widget]:
    """What overseers found, and what reviewers decided where that is open; a line where it is withheld."""
    for one in said:
        decision = one.decision
        yield heading(f"{decision.auditor} decided {decision.verdict.name.lower()}", "finder")
        told = "\n".join(text for text in (decision.text, decision.comment) if text)
        if told:
            yield block(told, "finding")
    if item.hidden is None:
        yield block("Withheld: what overseers found is not shown for this case.", "muted")
        return
    reviews = item.hidden.get("reviews", [])
    if not reviews:
        yield block("No overseer said anything.", "muted")
    for review in reviews:
        verdict, flags = str(review.get("verdict", "")), ", ".join(map(str, review.get("flagged", [])))
        yield heading(f"{review.get('step', '')}: {verdict}{f', flags {flags}' if flags else ''}", "finder")
        if review.get("critique"):
            yield block(str(review["critique"]), "finding")


def note(written: Written) -> Content:
    """What the auditor has written so far; empty where nothing."""
    parts: list[tuple[str, str]] = []
    if written.text is not None:
        parts.append((f"A revision is begun: {key_of('revise')} goes on with it.", "$text-warning"))
    if written.comment:
        parts.append((f"Your comment: {visible(written.comment)}", "italic"))
    return Content("\n").join(Content.styled(text, style) for text, style in parts)
