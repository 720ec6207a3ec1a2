"""The audit queue in a terminal: a case at a time, decided by a key, the next one at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from agents.vocabulary import Verdict
from constitutions.errors import InputError
from experiments.audit.keys import KEYS, MOST_MARKED
from experiments.audit.sitting import Sitting
from experiments.audit.terminal.screen import ShownCase
from experiments.audit.terminal.writing import Commenting, Labelling, Revising
from hierarchy.audit.errors import Conflict, LateAnswer

_TICK = 1.0
_KEPT_EVERY = 5
_WIDE = 100


class CaseScreen(ShownCase):
    """The case in hand, and what the keys do with it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(one.key, one.action, one.says) for one in KEYS),
        *(Binding(str(n), f"mark({n})", show=False) for n in range(1, MOST_MARKED + 1)),
        Binding("enter,space", "go_on", show=False),
    ]

    async def on_mount(self) -> None:
        """Take up work."""
        self._try(self.sitting.begin)
        await self._show()
        self.set_interval(_TICK, self.tick)

    def tick(self) -> None:
        """A second has passed: the time left is shown, drafts are kept, and a lease that is over is told."""
        self._ticks += 1
        if self.sitting.claim is not None and self.sitting.left <= 0 and not self._over:
            self._over = True
            self._try(self.sitting.keep)
            self._banner("The lease is over; what you wrote is kept. enter claims the case again.")
        elif self._ticks % _KEPT_EVERY == 0:
            self._try(self.sitting.keep)
        self._line()

    def on_key(self, event: events.Key) -> None:
        """Somebody is at work."""
        self._try(self.sitting.stay)

    def _try(self, do: Callable[[], Any]) -> bool:
        """Do it; what is refused, or what the database does not allow, is a line. The case stays in hand."""
        try:
            do()
        except InputError as error:
            self._banner(str(error))
            return False
        return True

    async def _decide(self, verdict: Verdict) -> None:
        """Give the decision and show the next case.

        A late one is kept as a draft, and the case claimed again. Where another decision stands, the next is shown.
        """
        try:
            self.sitting.decide(verdict)
        except LateAnswer:
            await self._again()
        except Conflict as error:
            if self._try(self.sitting.next):
                await self._show()
                self._banner(f"{error}. This is the next case.")
        except InputError as error:
            self._banner(str(error))
        else:
            await self._show()

    async def _labelled(self, verdict: Verdict) -> None:
        """Decide, once the case's label is chosen where its graph has labels."""
        labels = self.sitting.item.payload.get("labels") if self.sitting.item else None
        if not labels:
            await self._decide(verdict)
            return

        async def chosen(label: str | None) -> None:
            if label is not None:
                self._write(label=label)
                await self._decide(verdict)

        self.app.push_screen(Labelling(labels), chosen)

    def _write(self, **given: Any) -> None:
        self.sitting.written = replace(self.sitting.written, **given)

    async def _in_hand(self) -> bool:
        """Whether a case is in hand and its lease is not over; else it is claimed again, or the next one."""
        if self.sitting.claim is None or self._over:
            await self.action_go_on()
            return False
        return True

    async def action_accept(self) -> None:
        """The response is fine."""
        if await self._in_hand():
            await self._labelled(Verdict.ACCEPT)

    async def action_reject(self) -> None:
        """The response is not fine, and no better one is given."""
        if await self._in_hand():
            await self._labelled(Verdict.REJECT)

    async def action_revise(self) -> None:
        """Write a better response."""
        item = self.sitting.item
        if item is None or not await self._in_hand():
            return
        old = str(item.payload.get("response") or "")
        begun = self.sitting.written.text

        async def done(text: str | None) -> None:
            if text is None:
                self._try(self.sitting.keep)
                self._line()
            else:
                await self._labelled(Verdict.REVISE)

        title = f"revise {item.case_id}"
        self.app.push_screen(Revising(title, old, old if begun is None else begun, self._revised), done)

    def _revised(self, text: str) -> None:
        old = str(self.sitting.item.payload.get("response") or "") if self.sitting.item else ""
        self._write(text=text if self.sitting.written.text is not None or text != old else None)
        self._try(self.sitting.stay)

    async def action_comment(self) -> None:
        """Write a comment; it goes with the decision."""
        if not await self._in_hand() or self.sitting.item is None:
            return

        def kept(text: str) -> None:
            self._write(comment=text if text.strip() else None)
            self._try(self.sitting.stay)

        def done(_: str | None) -> None:
            self._try(self.sitting.keep)
            self._line()

        title = f"comment on {self.sitting.item.case_id}"
        self.app.push_screen(Commenting(title, self.sitting.written.comment or "", kept), done)

    async def action_skip(self) -> None:
        """Leave the case to others."""
        if await self._in_hand() and self._try(self.sitting.skip):
            await self._show()

    async def action_undo(self) -> None:
        """Take the last decision back."""
        before = len(self.sitting.decided)
        if self._try(self.sitting.undo):
            if len(self.sitting.decided) == before:
                self._banner("You have decided nothing in this sitting that could be undone.", "calm")
                return
            await self._show()
            self._banner("Your decision is undone.", "calm")

    def action_findings(self) -> None:
        """Fold what overseers found, or unfold it."""
        self._folded = not self._folded
        self._line()

    def action_mark(self, number: int) -> None:
        """Mark a principle as violated, or no longer."""
        item = self.sitting.item
        names = self._names(item) if item else []
        if number <= len(names):
            self.sitting.written = self.sitting.written.marked(names[number - 1])
            self._line()

    async def action_go_on(self) -> None:
        """Look for work where there is none, or claim the case again whose lease is over."""
        if self.sitting.claim is None:
            if self._try(self.sitting.bring_back if self.sitting.progress.skipped else self.sitting.next):
                await self._show()
        elif self.sitting.left <= 0:
            await self._again()

    async def _again(self) -> None:
        """Claim the case again whose lease is over."""
        had: list[bool] = []
        if self._try(lambda: had.append(self.sitting.again())):
            await self._show()
            if had[0]:
                self._banner("The lease was over; the case is yours again, with what you wrote.", "calm")
            else:
                self._banner("The lease was over, and the case is not to be had; your draft of it is kept.", "calm")

    def action_quit(self) -> None:
        """Keep what was written, give the case back, and leave."""
        if self._try(self.sitting.end):
            self.app.exit()


class WorkApp(App[None]):
    """`oversight audit work`: a sitting in the terminal.

    `statements` are the principles' texts by id, `run` the name that is shown.
    """

    CSS_PATH = "work.tcss"
    ENABLE_COMMAND_PALETTE = False
    TITLE = "oversight audit"

    def __init__(self, sitting: Sitting, statements: Mapping[str, str], run: str) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide")]
        self.sitting = sitting
        self._first = CaseScreen(sitting, statements, run)

    def get_default_screen(self) -> Screen[Any]:
        """The case."""
        return self._first
