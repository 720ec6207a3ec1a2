"""`oversight audit work`: a real queue, worked through by keys in a terminal that Textual's pilot plays."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import Footer, Static, TextArea

from agents.vocabulary import Verdict
from experiments.audit.keys import KEYS
from experiments.audit.sitting import Sitting, Written
from experiments.audit.terminal.app import WorkApp
from experiments.audit.terminal.case import PrincipleLine
from experiments.audit.terminal.writing import Commenting, Labelling, Revising, SafeArea
from hierarchy.audit.gold import GoldCase
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import Item
from hierarchy.audit.safe_text import revealed, visible
from hierarchy.audit.verify import faults
from tests import postgres
from tests.hierarchy.audit_cases import accept, item, reject
from tests.hierarchy.graphs import without_syncing
from tests.hierarchy.test_audit_trouble import Proxy, proxied
from tests.hostile import HOSTILE

STATEMENTS = {"honesty": "Do not deceive.", "privacy": "Keep what is private."}
REVIEWS = {
    "reviews": [{"step": "critic", "verdict": "revise", "flagged": ["privacy"], "critique": "it tells a secret"}]
}


@dataclass
class Clock:
    """A clock that a test sets."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Desk:
    """An auditor before a terminal."""

    app: WorkApp
    pilot: Pilot[None]
    sitting: Sitting
    clock: Clock = field(default_factory=Clock)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def later(self, seconds: float) -> None:
        self.clock.now += seconds
        self.app._first.tick()
        await self.pilot.pause()

    async def write(self, text: str) -> None:
        self.app.screen.query_one(SafeArea).text = text
        await self.pilot.pause(0.2)

    @property
    def shown(self) -> str:
        """Everything on the screen, as text."""
        return "\n".join(plain(one) for one in self.app.screen.query(Static) if is_shown(one))

    @property
    def banner(self) -> str:
        return plain(self.app._first.query_one("#banner", Static))

    @property
    def case(self) -> str | None:
        return self.sitting.item.case_id if self.sitting.item else None


def plain(widget: Static) -> str:
    assert isinstance(widget.visual, Content)
    return widget.visual.plain


def is_shown(widget: Any) -> bool:
    return all(node.display for node in widget.ancestors_with_self if hasattr(node, "display"))


@asynccontextmanager
async def desk(
    queue: AuditQueue, auditor: str = "ann", clock: Clock | None = None, size: tuple[int, int] = (100, 30), **given: Any
) -> AsyncIterator[Desk]:
    clock = clock or Clock()
    sitting = Sitting(queue, auditor, 60.0, clock=clock, **given)
    app = WorkApp(sitting, STATEMENTS, "the run")
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield Desk(app, pilot, sitting, clock)


Test = Callable[[AuditQueue], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Run a test's play on a queue with these items, and check at its end that the trail holds."""
    without_syncing(monkeypatch)

    def run(test: Test, *items: Item) -> None:
        with AuditQueue.open(tmp_path / "a.sqlite", "run") as queue:
            queue.enqueue(items)
            asyncio.run(test(queue))
            assert faults(queue.engine, "run") == []

    return run


def cases(*names: str, **given: Any) -> list[Item]:
    return [item(name, priority=1.0 - n / 100, hidden=REVIEWS, **given) for n, name in enumerate(names)]


def given(queue: AuditQueue) -> list[tuple[str, str, str | None]]:
    return [(row.case_id, row.decision.verdict.name.lower(), row.decision.text) for row in queue.outbox()]


def test_a_case_is_shown_whole_and_decided_by_a_key(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            for part in (
                "answer to c1",
                "hi",
                "Keep what is private.",
                "it tells a secret",
                "0 done",
                "3 left",
                "1:00",
            ):
                assert part in ann.shown
            assert ann.app._first.query_one(Footer)
            await ann.press("a")
            assert ann.case == "c2"
            assert "answer to c2" in ann.shown
            assert "answer to c1" not in ann.shown
            await ann.press("2")
            await ann.press("r")
            assert "2 done · 1 left" in ann.shown
            await ann.press("q")
        assert queue.held("ann", 1_000.0) == [], "the third case was given back"
        assert given(queue) == [("c1", "accept", None), ("c2", "reject", None)]
        (row,) = [row for row in queue.outbox() if row.case_id == "c2"]
        assert row.decision.principles == ("privacy",)

    play(test, *cases("c1", "c2", "c3"))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_every_key_is_on_the_screen_whatever_its_size(play: Callable[..., None], size: tuple[int, int]) -> None:
    async def test(queue: AuditQueue) -> None:
        async with desk(queue, size=size) as ann:
            keys = list(ann.app.screen.query("FooterKey"))
            assert [(key.key, key.description) for key in keys] == [(one.key, one.says) for one in KEYS]  # type: ignore[attr-defined]
            assert all(key.region.x >= 0 and key.region.right <= size[0] for key in keys)
            for name in ("#said", "#beside", "#progress"):
                region = ann.app.screen.query_one(name).region
                assert region.width > 10
                assert region.bottom <= size[1]

    play(test, *cases("c1"))


def test_a_revision_is_written_beside_what_it_changes(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            await ann.press("e")
            assert isinstance(ann.app.screen, Revising)
            assert "Nothing is changed yet." in ann.shown
            await ann.write("no answer to c1")
            diff = ann.app.screen.query_one("#diff", Static)
            assert isinstance(diff.visual, Content)
            assert [diff.visual.plain[span.start : span.end] for span in diff.visual.spans] == ["no "]
            await ann.press("escape")
            assert "A revision is begun" in ann.shown
            assert queue.drafts.of(ann.sitting.item.key, "ann") == {"text": "no answer to c1"}  # type: ignore[union-attr]
            await ann.press("e")
            assert ann.app.screen.query_one(SafeArea).said == "no answer to c1"
            await ann.press("ctrl+s")
            assert ann.case == "c2"
        assert given(queue) == [("c1", "revise", "no answer to c1")]

    play(test, *cases("c1", "c2"))


def test_an_empty_revision_is_refused_and_nothing_is_lost(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            await ann.press("e")
            await ann.write(" ")
            await ann.press("ctrl+s")
            assert "text: empty" in ann.banner
            assert ann.case == "c1"
            await ann.press("a")
            assert ann.banner == ""
        assert given(queue) == [("c1", "accept", None)]

    play(test, *cases("c1", "c2"))


def test_a_comment_goes_with_the_decision(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            await ann.press("n")
            assert isinstance(ann.app.screen, Commenting)
            await ann.press(*"so", "space", *"near", "ctrl+s")
            assert "Your comment: so near" in ann.shown
            await ann.press("r")
        (row,) = queue.outbox()
        assert row.decision.comment == "so near"

    play(test, *cases("c1"))


def test_a_label_is_chosen_where_the_graph_has_labels(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            await ann.press("a")
            assert isinstance(ann.app.screen, Labelling)
            await ann.press("escape")
            assert ann.case == "c1"
            await ann.press("a", "down", "enter")
            assert ann.case is None
        (row,) = queue.outbox()
        assert row.decision.label == "[b]partial[/b]"

    labelled = item("c1")
    play(test, Item(**{**vars(labelled), "payload": {**labelled.payload, "labels": ["full", "[b]partial[/b]"]}}))


def test_undo_brings_the_case_back_as_it_was_decided_last(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            await ann.press("a", "r")
            assert ann.case == "c3"
            await ann.press("2", "u")
            assert ann.case == "c2"
            assert "Your decision is undone." in ann.banner
            assert queue.drafts.of(item("c3").key, "ann") == {"principles": ["privacy"]}, "what was begun is kept"
            assert [claim.item.case_id for claim in queue.held("ann", 1_000.0)] == ["c2"]
            await ann.press("u")
            assert ann.case == "c1"
            await ann.press("u")
            assert "nothing in this sitting" in ann.banner
            await ann.press("r", "r", "r")
            assert ann.case is None
            await ann.press("u")
            assert ann.case == "c3"
        assert given(queue) == [("c1", "reject", None), ("c2", "reject", None)]

    play(test, *cases("c1", "c2", "c3"))


def test_undo_brings_back_what_was_written(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            await ann.press("1", "e")
            await ann.write("better")
            await ann.press("ctrl+s", "u")
            assert ann.sitting.written == Written("better", principles=("honesty",))
            await ann.press("e", "ctrl+s")
        assert given(queue) == [("c1", "revise", "better")]

    play(test, *cases("c1", "c2"))


def test_where_the_policy_has_answered_meanwhile_the_next_case_is_shown(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            await ann.press("1")
            queue.close(1_000.0)
            queue.enqueue(cases("c2"))
            await ann.press("r")
            assert "settled already, by 'policy'" in ann.banner
            assert ann.case == "c2"
            assert queue.drafts.of(item("c1").key, "ann") is not None
            queue.expire(1_000.0)
            await ann.press("s")
            assert ann.case is None

    play(test, *cases("c1"))


def test_what_the_run_has_taken_cannot_be_undone(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            await ann.press("a")
            queue.outbox()
            await ann.press("u")
            assert "the run has taken the decision" in ann.banner
            assert ann.case == "c2"

    play(test, *cases("c1", "c2"))


def test_skipped_cases_are_for_others_and_come_back_when_they_are_asked_for(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            await ann.press("s")
            assert ann.case == "c2"
            assert [one.case_id for one in queue.waiting(1_000.0)] == ["c1", "c3"]
            await ann.press("s", "a")
            assert ann.case is None
            assert "Nothing waits for you but 2 that you skipped" in ann.banner
            queue.decide_case("c2", accept("bob"), 1_000.0)
            await ann.press("enter")
            assert ann.case == "c1"
            await ann.press("r")
            assert "Nothing waits for you. enter looks again." in ann.banner
            queue.enqueue(cases("c4"))
            await ann.press("enter")
            assert ann.case == "c4"
        assert [case for case, _, _ in given(queue)] == ["c3", "c2", "c1"]

    play(test, *cases("c1", "c2", "c3"))


def test_when_the_lease_ends_the_draft_is_kept_and_comes_back(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            await ann.press("1", "e")
            await ann.write("begun")
            await ann.press("escape")
            await ann.later(61)
            assert "The lease is over; what you wrote is kept" in ann.banner
            assert queue.drafts.of(item("c1").key, "ann") == {"text": "begun", "principles": ["honesty"]}
            await ann.press("a")
            assert "yours again" in ann.banner
            assert ann.sitting.written == Written("begun", principles=("honesty",))
            assert given(queue) == [], "the key that ended the wait decided nothing"
            await ann.press("e", "ctrl+s")
        assert given(queue) == [("c1", "revise", "begun")]

    play(test, *cases("c1"))


def test_a_case_that_another_has_by_now_is_left_to_them_and_the_draft_kept(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            await ann.press("e")
            await ann.write("ann's own")
            await ann.later(61)
            theirs = queue.claim("bob", ann.clock.now, 60.0)
            assert theirs is not None
            assert theirs.draft is None
            await ann.press("ctrl+s")
            assert ann.case == "c2"
            assert "not to be had; your draft of it is kept" in ann.banner
            queue.release(theirs, ann.clock.now)
            await ann.press("a")
            assert ann.case == "c1"
            assert ann.sitting.written.text == "ann's own"
        assert given(queue) == [("c2", "accept", None)]

    play(test, *cases("c1", "c2"))


def test_whoever_is_at_work_keeps_the_case(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            await ann.press("e")
            for _ in range(10):
                ann.clock.now += 40
                await ann.press("x")
            assert [claim.item.case_id for claim in queue.held("ann", ann.clock.now)] == ["c1"]
            ann.clock.now -= 500
            await ann.press("ctrl+s")
            assert len(given(queue)) == 1, "a clock that was set back ends nothing"

    play(test, *cases("c1"))


def test_two_auditors_at_once_share_nothing_but_the_queue(play: Callable[..., None], tmp_path: Path) -> None:
    desks: dict[str, Desk] = {}

    async def work(name: str, clock: Clock) -> list[str]:
        seen: list[str] = []
        with AuditQueue.open(tmp_path / "a.sqlite", "run") as own:
            async with desk(own, name, clock) as one:
                desks[name] = one
                while one.case is not None:
                    seen.append(one.case)
                    in_hand = [other.case for other in desks.values() if other.case is not None]
                    assert len(set(in_hand)) == len(in_hand), "a case is in two hands"
                    await one.press("u" if len(seen) == 3 else "r" if len(seen) % 2 else "a")
        return seen

    async def test(queue: AuditQueue) -> None:
        clock = Clock()
        ann, bob = await asyncio.gather(work("ann", clock), work("bob", clock))
        rows = queue.outbox()
        assert sorted(row.case_id for row in rows) == sorted(f"c{n:02d}" for n in range(24))
        for name, seen in (("ann", ann), ("bob", bob)):
            assert len(seen) > 4
            assert {row.case_id for row in rows if row.decision.auditor == name} <= set(seen)

    play(test, *cases(*(f"c{n:02d}" for n in range(24))))


def test_what_is_withheld_is_not_even_read(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            assert "it tells a secret" not in ann.shown
            assert "Withheld" in ann.shown
            assert ann.sitting.item.hidden is None  # type: ignore[union-attr]

    play(test, *cases("c1", hide_model=True))


def test_findings_fold_and_may_be_left_out_altogether(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            assert "privacy flagged" in ann.shown
            await ann.press("f")
            for part in ("it tells a secret", "flagged"):
                assert part not in ann.shown
            await ann.press("a")
            assert "it tells a secret" not in ann.shown, "folded stays folded"
            await ann.press("f")
            assert "it tells a secret" in ann.shown
            await ann.press("q")
        async with desk(queue, "bob", findings=False) as bob:
            assert "Withheld" in bob.shown

    play(test, *cases("c1", "c2"))


def test_an_adjudicator_sees_what_the_reviewers_said_and_settles(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        queue.decide_case("c1", accept("bob", comment="fine by me"), 1_000.0)
        async with desk(queue, "dan") as dan:
            assert "fine by me" not in dan.shown
            await dan.press("q")
        queue.decide_case("c1", reject("eve"), 1_000.0)
        async with desk(queue, adjudicate=True) as ann:
            for part in ("bob decided accept", "fine by me", "eve decided reject", "the reviewers disagree"):
                assert part in ann.shown
            await ann.press("r")
        assert given(queue) == [("c1", "reject", None)]

    play(test, *cases("c1", reviewers=2))


def test_nothing_on_the_screen_tells_a_gold_case(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        payload = {**item().payload, "response": "a gold answer"}
        queue.enqueue([item("c12", "panel", priority=9.0, hidden=REVIEWS)])
        queue.gold.add([GoldCase("g", payload, True, hidden=REVIEWS)], 1_000.0, "panel", spare=["c13"])
        queue.gold.set_share(0.999999, 1_000.0)
        async with desk(queue) as ann:
            assert "a gold answer" in ann.shown
            assert "gold" not in ann.shown.replace("a gold answer", "")
            assert "0 done · 4 left" in ann.shown
            await ann.press("r")
            assert "1 done · 3 left" in ann.shown
            await ann.press("u")
            assert "a gold answer" in ann.shown
            await ann.press("r")
        assert [answer.flagged for answer in queue.gold.answers()] == [True]

    play(test, *cases("c10", "c11"))


def test_a_locked_database_is_a_line_and_the_case_stays_in_hand(
    play: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hierarchy.database._BUSY_SECONDS", 0.1)

    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            with sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None) as other:
                other.execute("BEGIN EXCLUSIVE")
                await ann.press("a")
                assert "locked" in ann.banner
                assert ann.case == "c1"
                other.execute("ROLLBACK")
            other.close()
            await ann.press("a")
            assert ann.case == "c2"
        assert given(queue) == [("c1", "accept", None)]

    play(test, *cases("c1", "c2"))


def hostile_item() -> Item:
    """One case that says everything in the corpus, everywhere a case can."""
    worst = "\x1b]0;x\x07\u202e[@click=app.quit]<b>"
    payload = {
        "messages": [{"role": f"user{worst}", "content": text} for text in HOSTILE],
        "response": "".join(HOSTILE[:300])[:20_000],
        "principles": [f"honesty{worst}", "privacy"],
    }
    hidden = {
        "reviews": [
            {"step": f"critic{worst}", "verdict": "revise", "flagged": [f"[bold]{worst}"], "critique": text}
            for text in HOSTILE
        ]
    }
    return Item(f"arm{worst}", f"case{worst}", f"human{worst}", 1, payload, hidden=hidden)


def test_hostile_text_is_shown_and_never_obeyed(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        async with desk(queue, "ann\u202e[b]", size=(80, 24)) as ann:
            turns = [plain(one) for one in ann.app.screen.query(".turn").results(Static)]
            assert [revealed(text) for text in turns[:-1]] == HOSTILE
            critiques = [plain(one) for one in ann.app.screen.query(".finding").results(Static)]
            assert [revealed(text) for text in critiques] == [text for text in HOSTILE if text]
            for one in ann.app.screen.query(Static):
                assert isinstance(one.visual, Content)
                assert visible(revealed(one.visual.plain), lines=True) == one.visual.plain
                assert all("@" not in str(span.style) for span in one.visual.spans), (
                    "no text became a link or an action"
                )
            for one in ann.app.screen.query(".turn, .finding").results(Static):
                assert one.visual.spans == [], "no text became markup"  # type: ignore[union-attr]
            for place in (0, 5_000, 100_000):
                ann.app._first.query_one("#said").scroll_to(y=place, animate=False)
                await ann.pilot.pause()
                for strip in ann.app.screen._compositor.render_strips():
                    for segment in strip:
                        assert visible(revealed(segment.text)) == segment.text
            await ann.press("e")
            assert ann.app.screen.query_one(SafeArea).said == ann.sitting.item.payload["response"]  # type: ignore[union-attr]
            await ann.press("escape", "r")
            assert ann.case is None

    play(test, hostile_item())


def test_what_is_pasted_is_made_visible_and_goes_out_as_it_came(play: Callable[..., None]) -> None:
    pasted = "a\u202eb\x1b[31m \u27e6U+0041\u27e7\r\nc"

    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            await ann.press("e")
            area = ann.app.screen.query_one(SafeArea)
            area.text = ""
            ann.app.post_message(events.Paste(pasted))
            await ann.pilot.pause()
            assert area.text == visible("a\u202eb\x1b[31m \u27e6U+0041\u27e7\nc", lines=True)
            area.insert("\u200b")
            await ann.pilot.pause()
            assert "\u200b" not in area.text
            await ann.press("ctrl+s")
        assert [text for _, _, text in given(queue)] == ["a\u202eb\x1b[31m \u27e6U+0041\u27e7\nc\u200b"]

    play(test, *cases("c1"))


def test_a_revision_that_no_database_takes_is_told(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            await ann.press("e")
            await ann.write(visible("half \ud800"))
            await ann.press("ctrl+s")
            assert "half a surrogate pair" in ann.banner
            assert ann.case == "c1"
            assert ann.sitting.written.text == "half \ud800"

    play(test, *cases("c1"))


def test_a_simulated_case_has_no_text_and_does_not_tell_its_truth(play: Callable[..., None]) -> None:
    bare = Item("layers", "c1", "human@0", 1, {"messages": [], "response": None, "latent": 5, "principles": []})

    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            assert "it has no text" in ann.shown
            assert [line.principle for line in ann.app.screen.query(PrincipleLine)] == list(STATEMENTS)
            await ann.press("a")
        assert [verdict for _, verdict, _ in given(queue)] == [Verdict.ACCEPT.name.lower()]

    play(test, bare)


def test_long_typing_is_not_slow(play: Callable[..., None]) -> None:
    async def test(queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            await ann.press("e")
            await ann.write("word " * 5_000)
            assert len(ann.app.screen.query_one(TextArea).text) == 25_000
            await ann.press(*"typed")
            await ann.press("escape")
            assert ann.sitting.written.text is not None
            assert "typed" in ann.sitting.written.text

    play(test, *cases("c1"))


def test_a_connection_cut_in_mid_commit_costs_a_key_at_most(postgresql: postgres.Server) -> None:
    async def test(proxy: Proxy, queue: AuditQueue) -> None:
        async with desk(queue) as ann:
            proxy.arm("after")
            await ann.press("a")
            assert ann.case == "c2", "the commit took place: it is found by its key"
            proxy.arm("before")
            await ann.press("r")
            assert "database" in ann.banner
            assert ann.case == "c2"
            await ann.press("r")
            assert ann.case == "c3"
            proxy.arm("before")
            await ann.press("u")
            assert "database" in ann.banner
            await ann.press("u")
            assert ann.case == "c2"
        assert proxy.cuts == 3

    with proxied(postgresql) as (proxy, queue):
        queue.enqueue(cases("c1", "c2", "c3"))
        asyncio.run(test(proxy, queue))
        assert given(queue) == [("c1", "accept", None)]
