"""One auditor at work: the case in hand, what they have written about it, what they skipped and what they decided."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from agents.vocabulary import Verdict
from hierarchy.audit.decision import Decision
from hierarchy.audit.desk import Progress
from hierarchy.audit.errors import Conflict, LateAnswer
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import Claim, Item, ItemKey, Kind

LEASE_SECONDS = 900.0
_NONE = Progress(0, 0, 0, None, {})


@dataclass(frozen=True, slots=True)
class Written:
    """What the auditor has written about the case in hand, and not given yet. Its draft has the keys of a decision."""

    text: str | None = None
    label: str | None = None
    comment: str | None = None
    principles: tuple[str, ...] = ()

    @classmethod
    def of(cls, draft: Mapping[str, Any] | None) -> Written:
        """What a draft says."""
        given = draft or {}
        names = {name: given.get(name) for name in ("text", "label", "comment")}
        return cls(**names, principles=tuple(given.get("principles", ())))

    def draft(self) -> dict[str, Any]:
        """As it is kept."""
        given = {name: getattr(self, name) for name in ("text", "label", "comment")}
        kept: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return kept | {"principles": list(self.principles)} if self.principles else kept

    def marked(self, principle: str) -> Written:
        """With the principle marked as violated, or no longer."""
        there = principle in self.principles
        left = tuple(name for name in self.principles if name != principle)
        return replace(self, principles=left if there else (*left, principle))


@dataclass
class Sitting:
    """An auditor's session on a queue. It holds one case at a time; nothing of it but drafts and skips outlives it.

    Attributes:
        arm: of which arm cases are asked for (None: all). adjudicate: cases whose reviewers disagree.
        findings: whether what overseers found is asked for (the case's policy may still withhold it).
        claim: the case in hand, None where nothing waits. written: what was written about it so far.
        decided: what was decided in this sitting, oldest first. progress: how far they were when the case was shown.
    """

    queue: AuditQueue
    auditor: str
    lease_seconds: float = LEASE_SECONDS
    arm: str | None = None
    adjudicate: bool = False
    findings: bool = True
    clock: Callable[[], float] = time.time
    claim: Claim | None = None
    written: Written = field(default_factory=Written)
    decided: list[ItemKey] = field(default_factory=list)
    progress: Progress = _NONE
    _kept: Written = field(default_factory=Written)
    _since: float = 0.0

    def begin(self) -> None:
        """Take up the case this auditor still holds, else the next one."""
        held = self.queue.held(self.auditor, self.clock(), hidden=self.findings)
        mine = [one for one in held if one.item.kind is Kind.CASE and self.arm in (None, one.item.arm)]
        self._show(mine[0]) if mine else self.next()

    @property
    def left(self) -> float:
        """Seconds until the lease of the case in hand is over; 0 or less: it is."""
        return self.claim.expires_at - self.clock() if self.claim else 0.0

    def next(self) -> None:
        """Claim the next case, in the queue's order, that they did not skip."""
        asked = (self.auditor, self.clock(), self.lease_seconds, self.arm)
        self._show(self.queue.claim(*asked, hidden=self.findings, adjudicate=self.adjudicate))

    def _show(self, claim: Claim | None) -> None:
        self.claim, self._since = claim, self.clock()
        self.written = self._kept = Written.of(claim.draft if claim else None)
        self.progress = self.queue.desk.progress(self.auditor, disputed=self.adjudicate)

    def decide(self, verdict: Verdict) -> None:
        """Decide the case in hand with what was written, and take the next.

        Raises a Refused (see the queue's `decide`): the case stays in hand then, and a late answer is kept as a draft.
        """
        claim = self._in_hand()
        revises = verdict is Verdict.REVISE
        decision = Decision(
            verdict,
            self.auditor,
            text=self.written.text if revises else None,
            label=self.written.label,
            comment=self.written.comment,
            principles=self.written.principles,
            minutes=min(max(self.clock() - self._since, 0.0), self.lease_seconds) / 60,
        )
        self.queue.decide(claim, decision, self.clock())
        self.decided.append(claim.item.key)
        self.next()

    def skip(self) -> None:
        """Leave the case in hand to others, and take the next."""
        claim = self._in_hand()
        self.keep()
        with suppress(LateAnswer):
            self.queue.desk.skip(claim, self.clock())
        self.next()

    def bring_back(self) -> None:
        """Take the next case again as if none had been skipped."""
        self.queue.desk.bring_back(self.auditor, self.clock())
        self.next()

    def undo(self) -> ItemKey | None:
        """Take the last decision of this sitting back: its case is in hand again, with what was decided as written.

        None where there is none. Raises a Refused where the run, or others, have taken it into account; nothing has
        changed then.
        """
        if not self.decided:
            return None
        key, before = self.decided[-1], self.claim
        self.keep()
        again = self.queue.desk.take_back(key, self.auditor, self.clock(), self.lease_seconds, hidden=self.findings)
        self.decided.pop()
        if before is not None:
            self._release(before)
        self._show(again)
        return key

    def again(self) -> bool:
        """Claim the case in hand, whose lease is over, once more; where that cannot be, the next. Whether it could."""
        key = self._in_hand().item.key
        try:
            self._show(
                self.queue.desk.take_again(key, self.auditor, self.clock(), self.lease_seconds, hidden=self.findings)
            )
        except Conflict:
            self.next()
            return False
        return True

    def keep(self) -> None:
        """Keep what was written as the auditor's draft, where it changed since; it outlives the lease."""
        if self.claim is not None and self.written != self._kept:
            self.queue.drafts.save(self.claim.item.key, self.auditor, self.written.draft(), self.clock())
            self._kept = self.written

    def stay(self) -> None:
        """Who is at work keeps the case: renew the lease where less than half of it is left, and it is not over."""
        if self.claim is not None and 0 < self.left < self.lease_seconds / 2:
            try:
                until = self.queue.renew(self.claim, self.clock(), self.lease_seconds)
            except LateAnswer:
                self.claim = replace(self.claim, expires_at=self.clock())
            else:
                self.claim = replace(self.claim, expires_at=until)

    def end(self) -> None:
        """Keep what was written, and give the case in hand back."""
        self.keep()
        if self.claim is not None:
            self._release(self.claim)
        self.claim = None

    def _release(self, claim: Claim) -> None:
        # What ended meanwhile is given back already.
        with suppress(LateAnswer):
            self.queue.release(claim, self.clock())

    def _in_hand(self) -> Claim:
        if self.claim is None:
            raise LookupError("no case is in hand")
        return self.claim

    @property
    def item(self) -> Item | None:
        """The case in hand."""
        return self.claim.item if self.claim else None
