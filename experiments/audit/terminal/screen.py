"""A case in the terminal: what is on the screen, and what of it changes while the case is in hand."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from experiments.audit.sitting import Sitting
from experiments.audit.terminal import case
from hierarchy.audit.reading import Given
from hierarchy.audit.records import Item, State
from hierarchy.audit.safe_text import visible

_HURRY = 60.0


class ShownCase(Screen[None]):
    """The case in hand: conversation and response, the principles, and what overseers found."""

    def __init__(self, sitting: Sitting, statements: Mapping[str, str], run: str) -> None:
        super().__init__()
        self.sitting, self._statements, self._run = sitting, statements, run
        self._ticks, self._folded, self._over = 0, False, False

    def compose(self) -> ComposeResult:
        """Places for what `_show` fills."""
        with Horizontal(id="top"):
            yield Static(id="who", markup=False)
            yield Static(id="progress", markup=False)
        yield Static(id="about", markup=False)
        with Container(id="case"):
            yield VerticalScroll(id="said")
            with VerticalScroll(id="beside"):
                yield Static(id="note", markup=False)
                yield case.heading("principles")
                yield Container(id="principles")
                yield Static(id="found", markup=False, classes="heading")
                yield Container(id="findings")
        yield Static(id="banner", markup=False)
        yield Footer(show_command_palette=False, compact=True)

    async def _show(self) -> None:
        """The case in hand, from its top; or that nothing waits."""
        item = self.sitting.item
        self._over = False
        self.query_one("#case").display = item is not None
        said, found = self.query_one("#said", VerticalScroll), self.query_one("#findings")
        await said.remove_children()
        await found.remove_children()
        principles = self.query_one("#principles")
        await principles.remove_children()
        if item is None:
            skipped = self.sitting.progress.skipped
            but = f" but {skipped} that you skipped; enter brings them back." if skipped else ". enter looks again."
            self._banner(f"Nothing waits for you{but}", "calm")
        else:
            self._banner("")
            await said.mount(*case.conversation(item))
            await principles.mount(*self._principles(item))
            await found.mount(*case.findings(item, self._others(item)))
            said.scroll_home(animate=False)
            said.focus()
            self.query_one("#beside").scroll_home(animate=False)
        self._line()

    def _names(self, item: Item) -> list[str]:
        """The principles the case is held to: those of its step, else all."""
        return list(item.payload.get("principles") or self._statements)

    def _principles(self, item: Item) -> list[case.PrincipleLine]:
        names = enumerate(self._names(item), start=1)
        return [case.PrincipleLine(number, name, self._statements.get(name, "")) for number, name in names]

    def _others(self, item: Item) -> list[Given]:
        """Reviewers' decisions, for whoever settles what they disagree on."""
        if item.state is not State.DISPUTED:
            return []
        return self.sitting.queue.decisions(item.key, self.sitting.auditor)

    def _line(self) -> None:
        """What changes while a case is in hand: progress, time left, marks, what is written."""
        sitting, item = self.sitting, self.sitting.item
        self.query_one("#who", Static).update(
            Content.assemble(("audit ", "bold"), visible(self._run), (" as ", "$text-muted"), visible(sitting.auditor))
        )
        self.query_one("#progress", Static).update(self._progress())
        self.query_one("#about", Static).update(case.about(item, sitting.clock()) if item else "")
        if item is None:
            return
        flagged = () if self._folded else case.flagged(item)
        for line in self.query(case.PrincipleLine):
            line.draw(line.principle in sitting.written.principles, line.principle in flagged)
        told = case.note(sitting.written)
        self.query_one("#note", Static).update(told)
        self.query_one("#note").display = bool(told)
        self.query_one("#findings").display = not self._folded
        mark = "▸" if self._folded else "▾"
        self.query_one("#found", Static).update(f"{mark} what overseers found")

    def _progress(self) -> Content:
        sitting = self.sitting
        told = Content.styled(f"{len(sitting.decided)} done", "bold")
        told += Content.styled(f" · {sitting.progress.left} left", "$text-muted")
        if sitting.claim is None:
            return told
        seconds = max(round(sitting.left), 0)
        style = "bold $text-error" if seconds <= _HURRY else "bold"
        return told + Content.assemble((" · lease ", "$text-muted"), (f"{seconds // 60}:{seconds % 60:02d}", style))

    def _banner(self, text: str, kind: str = "alarm") -> None:
        banner = self.query_one("#banner", Static)
        banner.set_classes(kind)
        banner.update(Content(visible(text)))
        banner.display = bool(text)
