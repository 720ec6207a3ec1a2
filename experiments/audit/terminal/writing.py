"""Where an auditor writes: a revision with what it changes, a comment; and where a label is chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, OptionList, Static, TextArea
from textual.widgets.option_list import Option

from experiments.audit.diff import word_diff
from experiments.audit.keys import WRITING
from experiments.audit.terminal.case import block, changed, heading
from hierarchy.audit.safe_text import revealed, visible

_DIFF_SECONDS = 0.15


class SafeArea(TextArea):
    """An editor that shows what is unseen by its code point, typed and pasted text included.

    `said` is the text itself. A code that the auditor leaves in is the character again, one that they delete is gone.
    """

    def __init__(self, text: str, id: str) -> None:
        super().__init__(visible(text, lines=True), id=id, show_line_numbers=False, highlight_cursor_line=False)

    @property
    def said(self) -> str:
        """What is written."""
        return revealed(self.text)

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        pasted = event.text.replace("\r\n", "\n").replace("\r", "\n")
        await super()._on_paste(events.Paste(visible(pasted, lines=True)))

    @on(TextArea.Changed)
    def _show_what_is_unseen(self) -> None:
        # A keyboard can send more than letters. What is shown already is found again, and stays.
        shown = visible(self.said, lines=True)
        if shown != self.text:
            place = self.cursor_location
            self.text = shown
            self.move_cursor(place)


class _Writing(ModalScreen[str | None]):
    """Something to write: closed with the text, or with None where it is only left."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding(one.key, one.action, one.says, priority=True) for one in WRITING]

    def __init__(self, title: str, text: str, keep: Callable[[str], None]) -> None:
        super().__init__()
        self._title, self._text, self._keep = title, text, keep

    @property
    def area(self) -> SafeArea:
        """The editor."""
        return self.query_one(SafeArea)

    @on(TextArea.Changed)
    def _kept(self) -> None:
        self._keep(self.area.said)

    def action_save(self) -> None:
        """Close with what is written."""
        self.dismiss(self.area.said)

    def action_leave(self) -> None:
        """Close; what is written stays a draft."""
        self.dismiss(None)


class Revising(_Writing):
    """A revision of a response, with the words it changes.

    `keep` is called with the text at every change.
    """

    def __init__(self, title: str, old: str, text: str, keep: Callable[[str], None]) -> None:
        super().__init__(title, text, keep)
        self._old, self._drawn = old, ""

    def compose(self) -> ComposeResult:
        """The editor, and beside or below it the difference."""
        yield heading(self._title, "title")
        with Container(id="writing"):
            yield SafeArea(self._text, id="editor")
            with VerticalScroll(id="change", can_focus=False):
                yield Static("", id="diff", markup=False)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Draw the difference, and again when the text has changed; not at every key, so that typing stays quick."""
        self.area.focus()
        self._draw()
        self.set_interval(_DIFF_SECONDS, self._draw)

    def _draw(self) -> None:
        if self._drawn != self.area.text:
            self._drawn = self.area.text
            parts = word_diff(self._old, self.area.said)
            same = all(part.fate == "same" for part in parts)
            nothing = Content.styled("Nothing is changed yet.", "$text-muted")
            self.query_one("#diff", Static).update(nothing if same else changed(parts))


class Commenting(_Writing):
    """A comment on the case."""

    def compose(self) -> ComposeResult:
        """The editor."""
        with Container(id="dialog"):
            yield heading(self._title, "title")
            yield SafeArea(self._text, id="comment")
            yield Footer(show_command_palette=False)


class Labelling(ModalScreen[str | None]):
    """The labels a decision may have: closed with one, or with None where it is only left."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "back")]

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__()
        self._labels = labels

    def compose(self) -> ComposeResult:
        """The list."""
        with Container(id="dialog"):
            yield heading("Which label is right?", "title")
            yield OptionList(*(Option(Content(visible(label))) for label in self._labels), markup=False)
            yield block("up, down, enter; escape goes back", "muted")

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._labels[event.option_index])

    def action_leave(self) -> None:
        """Close without a label."""
        self.dismiss(None)
