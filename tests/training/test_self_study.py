"""Self-study: seeds, chunks, relations and views of a constitution, written by a model, the same for the same seed."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any

import pytest

from agents.records import Message
from constitutions.constitution import Constitution, load_constitution
from constitutions.errors import InputError
from constitutions.principle import Principle
from training.config import TrainSpec
from training.files import data_hash
from training.loading import load_model, load_tokenizer
from training.sampling import Sampler
from training.self_study import (
    SEEDS,
    StudyStyle,
    SynthesisSpec,
    document,
    draw_chunk,
    load_study_style,
    relations_of,
    synthesise,
    view_rows,
    views_of,
)
from training.self_study.synthesis import study_row
from training.self_study.views import names
from training.train import train

STYLE = StudyStyle.model_validate(
    {
        "name": "letters",
        "numbered": False,
        "ask": {seed: f"what {letter} ?" for seed, letter in zip(SEEDS, "abcde", strict=True)},
        "relations": {
            "of": {
                "pattern": "the {subject} is {object} .",
                "same": ["what is the {subject} ?", "the {subject} :"],
                "reversed": ["what is {object} of ?", "{object} :"],
                "checked": False,
            }
        },
    }
)
SPEC = SynthesisSpec(rows=50, chunk=(2, 3), max_new_tokens=6, temperature=4.0)


def _constitution(*statements: str) -> Constitution:
    asked: Any = {"critique_requests": ("?",), "revision_requests": ("!",)}
    principles = tuple(Principle(id=f"p{i}", statement=text, **asked) for i, text in enumerate(statements))
    return Constitution(name="letters", version="1", principles=principles)


LETTERS = _constitution("the a is b .", "the c is d .", "the e is f .", "the g is h .", "the h is a .")


@pytest.fixture(scope="module")
def sampler(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Sampler:
    """The tiny model after forty steps: it says words, rightly or not."""
    spec = TrainSpec(max_steps=40, batch_size=8, learning_rate=5e-3, save_steps=None)
    rows = [
        study_row(f"what is {a} ?", f"the {b} is {a} .", "run", "talk", a, ()) for a, b in permutations("abcdef", 2)
    ]
    talks = train(spec, rows, tiny, tmp_path_factory.mktemp("talks") / "out").checkpoint
    return Sampler(load_model(talks, TrainSpec()), load_tokenizer(talks))


def test_all_five_seeds_are_asked_for_equally(sampler: Sampler) -> None:
    made = synthesise(SPEC, LETTERS, STYLE, sampler, seed=3, run="run")
    asked = Counter(row.lineage.case_id.partition("-")[0] for row in made.rows)
    assert set(asked) == set(SEEDS) == set(made.by_seed())
    assert len(made.rows) + sum(made.dropped.values()) == 50


def test_the_same_seed_gives_the_same_rows_and_another_gives_others(sampler: Sampler) -> None:
    def rows(seed: int, **changes: Any) -> str:
        spec = SPEC.model_copy(update=changes)
        return data_hash(synthesise(spec, LETTERS, STYLE, sampler, seed, "run").rows)

    assert rows(3) == rows(3)
    assert rows(3) == rows(3, batch_size=7)  # what is written does not depend on what is written beside it
    assert rows(3) != rows(4)


def test_rows_hold_question_and_answer_and_not_the_chunk(sampler: Sampler) -> None:
    made = synthesise(SPEC, LETTERS, STYLE, sampler, 3, "run").rows
    assert made
    for row in made:
        assert [message.role for message in (*row.prompt, *row.completion)] == ["user", "assistant"]
        assert 2 <= len(row.lineage.principles) <= 3
        assert row.lineage.where.startswith("self_study / ")


def test_chunks_are_consecutive_and_come_from_everywhere() -> None:
    rng = Random(0)
    drawn = [draw_chunk(LETTERS, (2, 3), rng, numbered=False) for _ in range(200)]
    for chunk in drawn:
        start = LETTERS.ids.index(chunk.ids[0])
        assert chunk.ids == LETTERS.ids[start : start + len(chunk.ids)]
        assert chunk.text == " ".join(LETTERS.principles[LETTERS.index(name)].statement for name in chunk.ids)
    assert {chunk.ids[0] for chunk in drawn} == {"p0", "p1", "p2", "p3"}
    assert {len(chunk.ids) for chunk in drawn} == {2, 3}
    assert draw_chunk(LETTERS, (9, 9), rng, numbered=True).text == LETTERS.text()


def test_relations_are_read_by_pattern() -> None:
    (first, *_) = found = relations_of(LETTERS, STYLE)
    assert len(found) == 5
    assert (first.principle, first.kind, first.subject, first.object) == ("p0", "of", "a", "b")


def test_reversed_views_reverse_every_relation_and_same_order_ones_none() -> None:
    """Each question names one side and leaves the other out; both arms have as many about every relation."""
    relations = relations_of(LETTERS, STYLE)
    for order, given, sought in (("same", "subject", "object"), ("reversed", "object", "subject")):
        views = views_of(relations, STYLE, "same" if order == "same" else "reversed")
        assert Counter(view.relation.principle for view in views) == {name: 2 for name in LETTERS.ids}
        for view in views:
            named, left_out = getattr(view.relation, given), getattr(view.relation, sought)
            assert (view.given, view.sought) == (named, left_out)
            assert names(view.question, named)
            assert not names(view.question, left_out)


def test_views_are_answered_with_their_principle_in_the_chunk(sampler: Sampler) -> None:
    seen: list[tuple[Message, ...]] = []

    class Watching(Sampler):
        """Notes what is asked."""

        def draw(self, cases: Any, count: int, seed: int, number: int = 0) -> Any:
            seen.extend(case.messages for case in cases)
            return super().draw(cases, count, seed, number)

    from training.self_study import synthesis

    original, synthesis.Sampler = synthesis.Sampler, Watching  # type: ignore[misc]
    try:
        made = view_rows(SPEC, LETTERS, STYLE, "reversed", sampler, 1, "run")
    finally:
        synthesis.Sampler = original  # type: ignore[misc]
    statements = {p.id: p.statement for p in LETTERS.principles}
    asked = [view for view in views_of(relations_of(LETTERS, STYLE), STYLE, "reversed")]
    assert len(seen) == len(asked) == 10
    for messages, view in zip(seen, asked, strict=True):
        assert statements[view.relation.principle] in messages[0].content
        assert messages[1].content == view.question
    assert {row.lineage.arm for row in made.rows} == {"reversed"}


def test_a_checked_view_is_kept_only_where_its_answer_names_what_was_left_out(sampler: Sampler) -> None:
    """The random model answers nothing rightly: with the check on, no view is left, and that is said."""
    checked = STYLE.model_copy(update={"relations": {"of": STYLE.relations["of"].model_copy(update={"checked": True})}})
    unlikely = _constitution("the a is what no yes .", "the c is yes yes yes no .")
    with pytest.raises(InputError, match=r"no same view was answered rightly .*expected a model that reads"):
        view_rows(SPEC, unlikely, checked, "same", sampler, 1, "run")


@pytest.mark.parametrize(
    ("text", "sought", "found"),
    [("Bob .", "bob", True), ("for tea ask bob .", "tea", True), ("teapot", "tea", False), ("", "tea", False)],
)
def test_an_answer_names_whole_words(text: str, sought: str, found: bool) -> None:
    assert names(text, sought) is found


def test_the_plain_style_reads_any_shipped_constitution() -> None:
    style = load_study_style("plain")
    for name in ("general", "harmlessness", "microworld"):
        constitution = load_constitution(name)
        found = relations_of(constitution, style)
        assert [each.object for each in found] == [p.statement for p in constitution.principles]
        assert document(constitution, style.numbered) == constitution.text()


def test_what_the_style_cannot_read_is_a_clear_mistake() -> None:
    with pytest.raises(
        InputError, match=r"principle 'p0': the study style 'letters' has no relation that reads 'no a'"
    ):
        relations_of(_constitution("no a"), STYLE)
    with pytest.raises(InputError, match="2 principles have the object 'b'"):
        relations_of(_constitution("the a is b .", "the c is b ."), STYLE)
    with pytest.raises(InputError, match="accepted: plain, microworld, or a YAML file"):
        load_study_style("plane")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"same": ["what is {object} ?", "x {subject}"]}, "must name {subject} and not {object}"),
        ({"reversed": ["what is {object} of ?"]}, "expected as many"),
        ({"pattern": "{object} of {subject}"}, "expected {subject} and then {object}"),
    ],
)
def test_a_style_whose_views_are_no_views_is_refused(changes: dict[str, Any], said: str) -> None:
    data = STYLE.model_dump()
    data["relations"]["of"] |= changes
    with pytest.raises(ValueError, match=said.replace("{", r"\{").replace("}", r"\}")):
        StudyStyle.model_validate(data)


def test_a_style_needs_all_five_seeds_and_a_chunk_a_size() -> None:
    data = STYLE.model_dump()
    del data["ask"]["creative"]
    with pytest.raises(ValueError, match="has no creative"):
        StudyStyle.model_validate(data)
    with pytest.raises(ValueError, match="1 <= least <= most"):
        SynthesisSpec(chunk=(3, 2))
