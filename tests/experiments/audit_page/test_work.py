"""Working on the page, without a browser: what is shown, what is decided, and what is refused with nothing changed."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from markupsafe import escape

from agents.vocabulary import Verdict
from experiments.audit.page.text import environment
from hierarchy.audit.access import Role
from hierarchy.audit.decision import Decision
from hierarchy.audit.records import Item, Kind, State
from hierarchy.audit.safe_text import visible
from hierarchy.audit.verify import faults
from tests.experiments.audit_page.run import ASKED, RULES, START, Desk, add_gold, case, critique, open_desk, proposal
from tests.experiments.audit_page.visitor import ORIGIN, Forms, Visitor
from tests.hierarchy.graphs import without_syncing
from tests.hostile import HOSTILE

MARKDOWN = "# no *Markdown* [x](javascript:1)"


def shown_case(visitor: Visitor) -> str:
    found = re.search(r'<h1 id="case-title"[^>]*>([^<]*)</h1>', visitor.page)
    assert found, visitor.page
    return found[1]


def decisions(desk: Desk, n: int) -> list[Decision]:
    return [given.decision for given in desk.queue.decisions(case(n).key)]


def test_a_person_decides_and_the_next_case_comes_in_the_answer(anywhere: Desk) -> None:
    ann = Visitor(anywhere, "ann").get("/desk/cases")
    assert "6 cases wait" in ann.text
    assert anywhere.queue.held("ann", anywhere.clock()) == []
    ann.submit("/desk/cases/next")
    assert shown_case(ann) == "case-0000"
    assert ASKED[0][0] in ann.text
    assert "Do not reveal, guess or help to find private information" in ann.text
    ann.submit("/desk/decide", verdict="reject", principles=["privacy", "uncertainty"], comment="a\r\nb", minutes="1.5")
    assert (ann.status, shown_case(ann)) == (200, "case-0001")
    ann.submit("/desk/decide", verdict="revise", text="Leave it.\r\nAsk an expert.")
    ann.submit("/desk/decide", verdict="accept", text="what is in the editor is no part of it")
    assert shown_case(ann) == "case-0003"
    assert "3 decided by you · 3 left" in ann.text
    assert "about 4 min at your pace" in ann.text
    assert decisions(anywhere, 0) == [
        Decision(Verdict.REJECT, "ann", comment="a\nb", minutes=1.5, principles=("privacy", "uncertainty"))
    ]
    assert decisions(anywhere, 1)[0].text == "Leave it.\nAsk an expert."
    assert decisions(anywhere, 2)[0].text is None
    assert len(anywhere.queue.outbox()) == 3
    assert faults(anywhere.queue.engine, anywhere.queue.run) == []


def test_two_people_at_once_never_have_the_same_case(anywhere: Desk) -> None:
    ann, bob = Visitor(anywhere, "ann").start(), Visitor(anywhere, "bob").start()
    seen = [shown_case(ann), shown_case(bob)]
    for _ in range(2):
        seen += [shown_case(who.submit("/desk/decide", verdict="accept")) for who in (bob, ann)]
    assert len(set(seen)) == len(seen) == 6
    assert "No cases wait for you" in ann.submit("/desk/decide", verdict="accept").text
    assert "Others hold the 1 that is left" in ann.text


def test_a_late_decision_is_refused_and_what_was_written_is_shown_and_kept(anywhere: Desk) -> None:
    ann = Visitor(anywhere, "ann").start()
    held = ann.forms["/desk/decide"]
    anywhere.clock.now += 901
    before = anywhere.trail()
    ann.send("/desk/decide", **held, verdict="revise", text="A kinder answer.", comment="why not", principles="privacy")
    assert ann.status == 409
    for told in (
        "Your time for this case was over",
        "kept as your draft",
        "A kinder answer.",
        "revise",
        "why not",
        "names privacy",
    ):
        assert told in ann.text
    assert anywhere.trail() == before
    assert decisions(anywhere, 0) == []
    ann.submit("/desk/again")
    assert shown_case(ann) == "case-0000"
    assert "Your draft is here; you had chosen revise" in ann.text
    assert re.search(r"<textarea[^>]*>\nA kinder answer.</textarea>", ann.page)
    assert re.search(r'value="privacy"[^>]* checked', ann.page)
    assert ann.submit("/desk/decide", verdict="accept").status == 200
    assert [d.verdict for d in decisions(anywhere, 0)] == [Verdict.ACCEPT]


def test_a_case_that_another_has_taken_meanwhile_cannot_be_taken_again(anywhere: Desk) -> None:
    ann = Visitor(anywhere, "ann").start()
    anywhere.clock.now += 901
    bob = Visitor(anywhere, "bob").start()
    assert shown_case(bob) == "case-0000"
    assert ann.submit("/desk/decide", verdict="accept").status == 409
    before = anywhere.trail()
    refused = ann.submit("/desk/again")
    assert refused.status == 409
    assert "held or decided by somebody else" in refused.text
    assert anywhere.trail() == before
    bob.submit("/desk/decide", verdict="reject")
    assert decisions(anywhere, 0)[0].auditor == "bob"


def test_what_is_written_is_kept_while_it_is_written_and_who_writes_has_more_time(anywhere: Desk) -> None:
    ann = Visitor(anywhere, "ann").start()
    held = ann.forms["/desk/decide"]
    anywhere.clock.now += 500
    ann.send("/desk/draft", **held, text=ASKED[0][1].replace("name", "house"), comment="so far", label="")
    assert ann.status == 200
    assert "<del>name</del><ins>house</ins>" in ann.page
    assert 'hx-swap-oob="true"' in ann.page
    anywhere.clock.now += 800  # more than the lease had, less than it was given
    again = Visitor(anywhere, "ann").get("/desk/cases")
    assert shown_case(again) == "case-0000"
    assert "so far" in again.page
    assert "by her house" in again.page
    assert again.submit("/desk/decide", verdict="reject", comment="so far").status == 200


def test_undo_brings_the_case_back_and_gives_the_one_on_the_screen_to_others(anywhere: Desk) -> None:
    ann = Visitor(anywhere, "ann").start()
    ann.submit("/desk/decide", verdict="reject", comment="hasty", principles="privacy")
    assert shown_case(ann) == "case-0001"
    ann.submit("/desk/undo")
    assert shown_case(ann) == "case-0000"
    assert "hasty" in ann.page
    assert "you had chosen reject" in ann.text
    assert decisions(anywhere, 0) == []
    assert shown_case(Visitor(anywhere, "bob").start()) == "case-0001"
    ann.submit("/desk/decide", verdict="accept")
    assert [d.verdict for d in decisions(anywhere, 0)] == [Verdict.ACCEPT]
    anywhere.queue.outbox()
    before = anywhere.trail()
    refused = ann.submit("/desk/undo")
    assert (refused.status, anywhere.trail()) == (409, before)
    assert "the run has taken the decision" in refused.text


def test_a_skipped_case_is_passed_by_until_it_is_brought_back(anywhere: Desk) -> None:
    ann = Visitor(anywhere, "ann").start()
    for n in range(6):
        assert shown_case(ann) == f"case-{n:04}"
        ann.submit("/desk/skip")
    assert "No cases wait for you" in ann.text
    assert shown_case(Visitor(anywhere, "bob").start()) == "case-0000"
    assert shown_case(ann.submit("/desk/cases/back")) == "case-0001"


def test_stopping_gives_the_case_back_and_more_time_keeps_it(anywhere: Desk) -> None:
    ann = Visitor(anywhere, "ann").start()
    held = ann.forms["/desk/decide"]
    anywhere.clock.now += 800
    renewed = ann.send("/desk/renew", csrf=held["csrf"], claim=held["claim"])
    assert 'data-left="900.0"' in renewed.page
    anywhere.clock.now += 800
    ann.get("/desk/cases").submit("/desk/stop")
    assert "6 cases wait" in ann.text
    assert anywhere.queue.held("ann", anywhere.clock()) == []


def test_what_makes_no_sense_is_refused_with_a_line_and_nothing_changes(anywhere: Desk) -> None:
    anywhere.queue.enqueue([proposal(), critique()])
    ann, bob = Visitor(anywhere, "ann").start(), Visitor(anywhere, "bob").start()
    held, others = ann.forms["/desk/decide"], bob.forms["/desk/decide"]
    reason, label = ann.start("proposals").forms["/desk/decide"], ann.start("critiques").forms["/desk/decide"]
    other_session = {"csrf": held["csrf"], "claim": others["claim"]}
    before = anywhere.trail()
    for path, given, status, told in (
        ("/desk/decide", {**held, "claim": "0" * 32, "verdict": "accept"}, 403, "not one of 'ann'"),
        ("/desk/decide", {**other_session, "verdict": "accept"}, 403, "not one of 'ann'"),
        ("/desk/draft", {**other_session, "text": "x"}, 403, "not one of 'ann'"),
        ("/desk/skip", other_session, 403, "not one of 'ann'"),
        ("/desk/stop", other_session, 403, "not one of 'ann'"),
        ("/desk/undo", other_session, 403, "not one of 'ann'"),
        ("/desk/again", other_session, 403, "not one of 'ann'"),
        ("/desk/renew", other_session, 403, "not one of 'ann'"),
        ("/desk/decide", {**held, "verdict": "maybe"}, 422, "verdict 'maybe'; accepted: accept, revise, reject"),
        ("/desk/decide", held, 422, "verdict ''; accepted"),
        ("/desk/decide", {**held, "verdict": "revise", "text": " "}, 422, "text: empty"),
        ("/desk/decide", {**held, "verdict": "revise", "text": ASKED[0][1]}, 422, "as it was"),
        ("/desk/decide", {**held, "verdict": "reject", "principles": "kindness"}, 422, "'kindness'; accepted: harmful"),
        ("/desk/decide", {**held, "verdict": "reject", "label": "spam"}, 422, "label 'spam'"),
        ("/desk/decide", {**held, "verdict": "reject", "comment": "a\x00"}, 422, "comment: character 2 is NUL"),
        ("/desk/decide", {**held, "verdict": "reject", "minutes": "nan"}, 422, "minutes"),
        ("/desk/decide", {**held, "verdict": "reject", "minutes": "-1"}, 422, "minutes"),
        ("/desk/decide", {**held, "verdict": "reject", "auditor": "bob"}, 422, "auditor: extra inputs"),
        ("/desk/decide", {"csrf": held["csrf"], "verdict": "accept"}, 422, "claim: field required"),
        ("/desk/decide", {**reason, "verdict": "accept"}, 422, "with a reason as comment"),
        ("/desk/decide", {**reason, "verdict": "revise", "text": "x", "comment": "y"}, 422, "accepted or rejected"),
        ("/desk/decide", {**label, "verdict": "accept"}, 422, "expected one of right, wrong reason, wrong"),
        ("/desk/decide", {**label, "label": "fine"}, 422, "label 'fine'; accepted: right"),
        ("/desk/nowhere/next", {"csrf": held["csrf"]}, 422, "lane"),
        ("/desk/undo", {"csrf": held["csrf"], "claim": held["claim"]}, 404, "has decided nothing"),
        ("/appeal", {"csrf": held["csrf"], "case_id": "case-0000", "reason": "no"}, 403, "your role is auditor"),
    ):
        ann.send(path, **given)
        assert (ann.status, anywhere.trail()) == (status, before), (path, given, ann.page)
        assert told in ann.text, (path, given, ann.text)
        assert "Traceback" not in ann.page


def test_a_dispute_goes_to_an_adjudicator_who_sees_both_reviews(anywhere: Desk) -> None:
    anywhere.queue.enqueue([case(50, reviewers=2, priority=9.0)])
    ann, bob = Visitor(anywhere, "ann").start(), Visitor(anywhere, "bob").start()
    assert shown_case(ann) == shown_case(bob) == "case-0050"
    ann.submit("/desk/decide", verdict="accept", comment="fine by me")
    assert "fine by me" not in bob.get("/desk/cases").page
    bob.submit("/desk/decide", verdict="revise", text="Another answer.", comment="not by me")
    assert Visitor(anywhere, "dan").get("/desk/disputes").status == 403
    eve = Visitor(anywhere, "eve", Role.ADJUDICATOR).start("disputes")
    for told in ("The reviewers disagree", "ann says accept", "bob says revise", "fine by me", "not by me"):
        assert told in eve.text
    assert "<ins>Another" in eve.page
    eve.submit("/desk/decide", verdict="reject")
    assert [item.state for item in anywhere.queue.list_items() if item.case_id == "case-0050"] == [State.SETTLED]


def test_an_appeal_comes_back_with_its_reason_and_the_old_decision(anywhere: Desk) -> None:
    ann = Visitor(anywhere, "ann").start()
    ann.submit("/desk/decide", verdict="accept", comment="looks fine")
    eve = Visitor(anywhere, "eve", Role.ADMIN).get("/dashboard")
    before = anywhere.trail()
    assert eve.submit("/appeal", case_id="case-0000", reason=" ").status == 422
    assert eve.get("/dashboard").submit("/appeal", case_id="nobody", reason="x").status == 404
    assert anywhere.trail() == before
    assert "waits again, epoch 1" in eve.get("/dashboard").submit("/appeal", case_id="case-0000", reason="a plea").text
    bob = Visitor(anywhere, "bob").start()
    assert shown_case(bob) == "case-0000"
    for told in ("An appeal", "eve asks for another look: a plea", "ann had decided accept", "looks fine"):
        assert told in bob.text
    assert bob.submit("/desk/decide", verdict="reject").status == 200


def test_nobody_learns_by_an_appeal_against_their_own_decision_whether_it_was_gold(desk: Desk) -> None:
    add_gold(desk)
    desk.queue.gold.set_share(0.999, START)
    eve = Visitor(desk, "eve", Role.ADJUDICATOR).start()
    for case_id in ("case-0071", "case-0070"):
        assert shown_case(eve.get("/desk/cases")) == case_id
        eve.submit("/desk/decide", verdict="accept")
        refused = eve.get("/dashboard").submit("/appeal", case_id=case_id, reason="a doubt")
        assert (refused.status, "you decided it yourself" in refused.text) == (409, True)
    ann = Visitor(desk, "ann", Role.ADJUDICATOR).get("/dashboard")
    assert "waits again, epoch 1" in ann.submit("/appeal", case_id="case-0070", reason="a plea").text


def test_a_proposal_is_decided_with_a_reason_and_a_critique_by_its_label(anywhere: Desk) -> None:
    anywhere.queue.enqueue([proposal(), critique()])
    ann = Visitor(anywhere, "ann").start("proposals")
    assert "Say privacy in one sentence" in ann.text
    assert "-0.04 -0.06 to -0.02" in ann.text
    assert '<span class="plus">+statement: Leave private facts private.</span>' in ann.page
    ann.submit("/desk/decide", verdict="accept", comment="shorter")
    assert "No proposals wait for you" in ann.text
    ann.start("critiques")
    assert ASKED[1][2] in ann.text
    assert '<details class="findings" id="findings" open>' in ann.page
    ann.submit("/desk/decide", label="wrong reason")
    given = [anywhere.queue.decisions(item.key)[0].decision for kind in (Kind.PROPOSAL, Kind.CRITIQUE)
             for item in anywhere.queue.list_items(kind=kind)]  # fmt: skip
    assert [(d.verdict, d.label) for d in given] == [(Verdict.ACCEPT, None), (Verdict.REJECT, "wrong reason")]


def test_findings_are_folded_and_withheld_where_the_step_says_so(desk: Desk) -> None:
    ann = Visitor(desk, "ann").start()
    assert '<details class="findings" id="findings">' in ann.page
    assert ASKED[0][2] in ann.text.replace("\u2019", "'")
    desk.queue.enqueue([case(51, hide_model=True, priority=9.0), case(52, hidden=None, priority=8.0)])
    bob = Visitor(desk, "bob").start()
    assert shown_case(bob) == "case-0051"
    assert "withheld until this case is settled" in bob.text
    assert ASKED[0][2] not in bob.text
    assert "No model's findings belong to this" in bob.submit("/desk/decide", verdict="accept").text


def test_a_gold_case_shows_nothing_that_a_real_one_does_not(desk: Desk) -> None:
    add_gold(desk)
    desk.queue.gold.set_share(0.999, desk.clock())
    ann = Visitor(desk, "ann").get("/desk/cases")
    assert "8 cases wait" in ann.text
    ann.submit("/desk/cases/next")
    gold = ann.page, shown_case(ann)
    assert gold[1] not in {f"case-{n:04}" for n in range(6)}
    ann.submit("/desk/decide", verdict="accept")
    assert "1 decided by you · 7 left" in ann.text
    assert "7</span>" in ann.get("/dashboard").page
    ann.get("/desk/cases").submit("/desk/undo")
    assert shown_case(ann) == gold[1]
    ann.submit("/desk/decide", verdict="accept")
    ann.submit("/desk/decide", verdict="accept")
    assert "2 decided by you · 6 left" in ann.text

    def shape(page: str) -> list[str]:
        kept = re.sub(r'name="(csrf|claim|current)" value="[^"]*"', "", re.sub(r"case-\d+", "case", page))
        return sorted(set(re.findall(r"<[^>]+>", re.sub(r'(data-left|max|value|title)="[^"]*"', "", kept))))

    bob = Visitor(desk, "bob").start()
    assert shown_case(bob) == gold[1]
    eve = Visitor(desk, "eve")
    desk.queue.gold.set_share(0.0, desk.clock())
    desk.queue.enqueue([case(90, priority=9.0)])
    eve.start()
    assert shown_case(eve) == "case-0090"
    assert shape(eve.page) == shape(bob.page)


def test_hostile_text_is_shown_and_never_obeyed(desk: Desk) -> None:
    plain = Visitor(desk, "bob").start()
    allowed = set(re.findall(r"</?([a-z0-9!]+)", plain.page)) | {"mark", "fieldset", "legend"}
    groups = [HOSTILE[i : i + 12] for i in range(0, len(HOSTILE), 12)]
    desk.queue.enqueue([hostile(n, texts) for n, texts in enumerate(groups)])
    ann = Visitor(desk, "ann").start()
    for n, texts in enumerate(groups):
        assert shown_case(ann) == f"h{n}"
        assert Forms(ann.page).handlers == []
        assert set(re.findall(r"</?([a-z0-9!]+)", ann.page)) <= allowed
        unseen = {char for char in ann.page if unicodedata.category(char)[0] == "C"} - {"\n", "\t"}
        assert unseen | ({"\u2028", "\u2029", "\u3164", "\u2800"} & set(ann.page)) == set()
        assert MARKDOWN in ann.page
        assert all(str(escape(visible(text, lines=True))) in ann.page for text in texts)
        ann.submit("/desk/decide", verdict="accept")
        assert ann.status == 200


def hostile(n: int, texts: list[str]) -> Item:
    first, last = texts[0], texts[-1]
    payload = {
        "messages": [*({"role": text, "content": text} for text in texts), {"role": "user", "content": MARKDOWN}],
        "response": first, "principles": [*RULES, first], "labels": [last], "region": last, "tags": texts,
    }  # fmt: skip
    reviews = [{"step": text, "verdict": text, "flagged": [text], "critique": text} for text in texts]
    return Item("layers", f"h{n}", "human@0", n, payload, priority=9.0 - n / 1000, hidden={"reviews": reviews})


def test_what_cannot_be_seen_comes_back_from_the_editor_as_it_was(desk: Desk) -> None:
    payload = {**case(0).payload, "response": "pay\u202elater\u200b now"}
    desk.queue.enqueue([Item("layers", "bidi", "human@0", 1, payload, priority=9.0)])
    ann = Visitor(desk, "ann").start()
    assert "\npay⟦U+202E⟧later⟦U+200B⟧ now</textarea>" in ann.page
    assert '<mark class="unseen">⟦U+202E⟧</mark>' in ann.page
    ann.send("/desk/draft", **ann.forms["/desk/decide"], text="pay⟦U+202E⟧later never")
    ann.get("/desk/cases")
    assert "\npay⟦U+202E⟧later never</textarea>" in ann.page
    ann.submit("/desk/decide", verdict="revise", text="pay⟦U+202E⟧later never")
    item = next(item for item in desk.queue.list_items() if item.case_id == "bidi")
    assert desk.queue.decisions(item.key)[0].decision.text == "pay\u202elater never"


def test_a_page_without_scripts_works_by_plain_forms(desk: Desk) -> None:
    ann = Visitor(desk, "ann").get("/desk/cases")
    given = {**ann.forms["/desk/cases/next"]}
    answer = ann.client.post("/desk/cases/next", data=given, headers={"Origin": ORIGIN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/cases")
    ann.get("/desk/cases")
    given = {**ann.forms["/desk/decide"], "verdict": "reject"}
    assert ann.client.post("/desk/decide", data=given, headers={"Origin": ORIGIN}).status_code == 303
    assert shown_case(ann.get("/desk/cases")) == "case-0001"
    refused = ann.client.post("/desk/decide", data={**given, "verdict": "accept"}, headers={"Origin": ORIGIN})
    assert refused.status_code == 409
    assert "<!doctype html>" in refused.text


def test_a_decision_sent_twice_counts_once(desk: Desk) -> None:
    ann = Visitor(desk, "ann").start()
    held = ann.forms["/desk/decide"]
    ann.send("/desk/decide", **held, verdict="accept")
    assert ann.send("/desk/decide", **held, verdict="accept").status == 200
    assert shown_case(ann) == "case-0001"
    assert desk.queue.desk.progress("ann").decided == 1
    assert ann.send("/desk/decide", **held, verdict="reject").status == 409


def test_a_case_that_was_due_says_so(desk: Desk) -> None:
    ann = Visitor(desk, "ann").start()
    desk.queue.renew(desk.queue.held("ann", desk.clock())[0], desk.clock(), 90_000.0)
    for _ in range(3):  # a session is over after an hour in which nothing is done
        desk.clock.now += 2_500
        assert ann.get("/desk/cases").status == 200
    ann.submit("/desk/decide", verdict="accept")
    assert ann.status == 409
    assert "was due meanwhile" in ann.text
    desk.site.tidy()
    assert [item.state for item in desk.queue.list_items() if item.case_id == "case-0000"] == [State.SETTLED]
    assert desk.site.folder.audit_heads.is_file()


def test_labels_of_a_graph_that_labels_are_chosen_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_syncing(monkeypatch)
    with open_desk(tmp_path / "run") as desk:
        item = case(0)
        desk.queue.enqueue([Item("a", "one", "human@0", 1, {**item.payload, "labels": ["2_refusal", "1_help"]})])
        ann = Visitor(desk, "ann").start()
        assert 'type="radio" name="label" value="2_refusal"' in ann.page
        ann.submit("/desk/decide", verdict="accept", label="1_help")
        assert desk.queue.decisions(desk.queue.list_items()[0].key)[0].decision.label == "1_help"


def test_whatever_a_template_prints_is_made_visible_and_escaped() -> None:
    made = environment()
    text = "<b>\u202e</b>\n&"
    for template in ("{{ x }}", "{{ x|marked }}", "{% for y in [x] %}{{ y }}{% endfor %}", "{{ x ~ '' }}"):
        out = made.from_string(template).render(x=text)
        assert "\u202e" not in out
        assert "<b>" not in out
        assert "&lt;b&gt;" in out
        assert "U+202E" in out
