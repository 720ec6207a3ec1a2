"""The dashboard's figures: what the commands say, and nothing that tells an auditor a gold case."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agents.vocabulary import Verdict
from constitutions.errors import InputError
from experiments.audit.page.figures import agreement, residual, waiting
from experiments.audit.page.forms import Lane
from experiments.audit.page.kept import SECONDS, Kept
from experiments.audit.page.site import Site
from experiments.audit.run_queue import existing_queue
from experiments.config import load_experiment
from experiments.folder import RunFolder
from experiments.run import resume_run, run_experiment
from experiments.sampling.commands import sample_command
from experiments.sampling.estimating import residuals
from hierarchy.audit.access import Role
from hierarchy.audit.decision import Decision
from hierarchy.audit.records import State
from tests.experiments.audit_page.run import START, Desk, add_gold, case, critique, proposal
from tests.experiments.audit_page.visitor import Visitor
from tests.experiments.commands import CONFIGS
from tests.hierarchy.graphs import without_syncing
from tests.postgres import Server


def bars(rows: object) -> dict[str, int]:
    return {bar.name: bar.count for bar in rows if bar.count}  # type: ignore[attr-defined]


def test_what_waits_is_counted_by_age_and_by_flagged_principle(anywhere: Desk) -> None:
    anywhere.queue.enqueue([case(7, hide_model=True), proposal(), critique()])
    found = waiting(anywhere.queue, "rea", START)
    assert dict(found.lanes) == {Lane.CASES: 7, Lane.DISPUTES: 0, Lane.PROPOSALS: 1, Lane.CRITIQUES: 1}
    assert bars(found.ages) == {"to an hour": 3, "to a day": 4}
    assert bars(found.principles) == {"privacy": 2, "uncertainty": 2}
    assert (found.withheld, found.unflagged, found.oldest) == (1, 2, 900 * 8)
    ann = Visitor(anywhere, "ann").start()
    ann.submit("/desk/decide", verdict="accept")
    assert waiting(anywhere.queue, "rea", START).lanes[Lane.CASES] == 6


def test_agreement_is_of_reviewers_before_the_adjudicator(desk: Desk) -> None:
    assert agreement(desk.queue) is None
    desk.queue.enqueue([case(20 + n, reviewers=2, priority=9.0) for n in range(4)])
    for n in range(4):
        for name in ("ann", "bob"):
            verdict = Verdict.REJECT if n < 2 or (n == 3 and name == "bob") else Verdict.ACCEPT
            desk.queue.decide(case(20 + n).key, Decision(verdict, name), START)
    claim = desk.queue.claim("eve", START, 60.0, adjudicate=True)
    assert claim is not None
    desk.queue.decide(claim, Decision(Verdict.REJECT, "eve"), START)
    found = agreement(desk.queue)
    assert found is not None
    assert (found.cases, found.pairs.value) == (4, 0.75)
    # o: reject pairs 2 × 2, accept pairs 1 × 2, mixed 1 + 1; alpha = 1 - 7 × 2 / (8² - 5² - 3²) = 8 / 15
    assert found.alpha.value == pytest.approx(1 - 7 * 2 / (64 - 25 - 9))


def test_results_on_gold_cases_are_for_those_who_do_not_decide(desk: Desk) -> None:
    add_gold(desk, 3)
    desk.queue.gold.set_share(0.999, START)
    ann = Visitor(desk, "ann").start()
    for verdict in ("reject", "accept"):
        ann.submit("/desk/decide", verdict=verdict)
    assert "gold" not in ann.get("/dashboard").text
    for role in (Role.READ_ONLY, Role.ADMIN):
        reader = Visitor(desk, role.value, role).get("/dashboard").text
        assert "3 gold cases are among the cases" in reader
        assert re.search(r"ann\s*0\s*50.%\s*1 to 99 % of 2", reader)
    boss = Visitor(desk, "boss", Role.ADMIN).start()
    boss.submit("/desk/decide", verdict="reject")
    assert not re.search(r"boss\s*\d", boss.get("/dashboard").text)


def test_the_dashboard_of_an_auditor_moves_alike_for_gold_and_real_cases(desk: Desk) -> None:
    add_gold(desk)
    seen = []
    for share in (0.999, 0.0):
        desk.queue.gold.set_share(share, START)
        before = waiting(desk.queue, "ann", START)
        claim = desk.queue.claim("ann", START, 60.0)
        assert claim is not None
        desk.queue.decide(claim, Decision(Verdict.ACCEPT, "ann"), START)
        after = waiting(desk.queue, "ann", START)
        seen.append(before.lanes[Lane.CASES] - after.lanes[Lane.CASES])
    assert seen == [1, 1]
    assert desk.queue.gold.answers() != []


def test_the_estimate_is_the_command_s_and_takes_nothing_out_of_the_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_syncing(monkeypatch)
    sets = ("auditor={kind: human}", "dataset.size=400", "arms={single: {graph: single}}", "compare=[]", "gaps=[]",
            "prices=null", "latency={}")  # fmt: skip
    run_experiment(load_experiment(CONFIGS / "simulated.yaml", sets), tmp_path / "run")
    sample_command(tmp_path / "run", None, {"budget": 60}, True)
    folder = RunFolder(tmp_path / "run")
    with existing_queue(folder.path) as queue:
        site = Site(queue, folder, folder.spec(), frozenset())
        drawn = [item for item in queue.list_items("single/sample")]
        for n, item in enumerate(drawn[:40]):
            queue.decide(item.key, Decision(Verdict.REJECT if n % 5 == 0 else Verdict.ACCEPT, "ann", minutes=1.0), 1.0)
        (found,) = residual(site, "ana")
        assert (found.answered, found.found, found.minutes) == (40, 8, 40.0)
        queue.undo(drawn[0].key, "ann", 2.0)
        queue.decide(drawn[0].key, Decision(Verdict.REJECT, "ann", minutes=1.0), 2.0)
        (told,) = residuals(folder)
        assert told == found
        assert residual(site, "ana") == [told]
        assert residual(site, None)[0].corrected is None
    assert resume_run(folder.path).waiting > 0
    with existing_queue(folder.path) as queue:
        assert [item.state for item in queue.list_items("single/sample")].count(State.SETTLED) == 40


def test_figures_are_kept_for_a_moment() -> None:
    now, made = [0.0], []
    kept = Kept(lambda: now[0])
    for _ in range(2):
        assert kept.get("a", lambda: made.append(1) or len(made)) == 1
    now[0] = SECONDS
    assert kept.get("a", lambda: made.append(1) or len(made)) == 2
    assert kept.get("b", lambda: 7) == 7


def test_a_run_on_a_shared_database_has_its_estimate_on_the_page_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgresql: Server
) -> None:
    without_syncing(monkeypatch)
    sets = ("auditor={kind: human}", "dataset.size=200", "arms={single: {graph: single}}", "compare=[]", "gaps=[]",
            "prices=null", "latency={}", f"execution.database={postgresql.emptied()}")  # fmt: skip
    run_experiment(load_experiment(CONFIGS / "simulated.yaml", sets), tmp_path / "run")
    sample_command(tmp_path / "run", None, {"budget": 30, "key": "secret"}, True)
    folder = RunFolder(tmp_path / "run")
    assert not folder.audit.exists(), "nothing of it is in a file of the run's own"
    with existing_queue(folder.path) as queue:
        for n, item in enumerate(queue.list_items("single/sample")):
            queue.decide(item.key, Decision(Verdict.REJECT if n < 3 else Verdict.ACCEPT, "ann"), 1.0)
        (found,) = residual(Site(queue, folder, folder.spec(), frozenset()), "ana")
    assert (found.drawn, found.answered, found.found) == (30, 30, 3)
    assert residuals(folder) == [found]
    with pytest.raises(InputError, match="drawn once"):
        sample_command(tmp_path / "run", None, {"key": "another"}, True)
    assert resume_run(folder.path).results.residuals[0].found == 3
