"""Views of every relation: asked in the order of the statement, or the other way round.

A model that learnt `A is B` cannot say who B is (Berglund et al. 2023, the reversal curse), and saying `A is B` in
more words of the same order does not help. So there are two arms with as many rows about each relation: reversed
views, and same-order ones as the control. Questions come from the style; answers are the model's own, with a chunk of
the constitution before it, kept where they name what the question leaves out, or the style's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from agents.records import Case, Message
from constitutions.constitution import Constitution
from constitutions.errors import InputError
from training.distillation import with_context
from training.sampling import Sampler
from training.self_study.chunks import Chunk, chunk_of
from training.self_study.relations import Relation, relations_of
from training.self_study.style import StudyStyle
from training.self_study.synthesis import Synthesis, SynthesisSpec, said, study_row

Order = Literal["same", "reversed"]


@dataclass(frozen=True, slots=True)
class View:
    """A question about one relation: what it names, and what its answer has to name."""

    relation: Relation
    order: Order
    question: str
    given: str
    sought: str


def views_of(relations: Sequence[Relation], style: StudyStyle, order: Order) -> list[View]:
    """All questions of one order about every relation, the relations in order."""
    found = []
    for relation in relations:
        its = style.relations[relation.kind]
        given, sought = relation.subject, relation.object
        if order == "reversed":
            given, sought = sought, given
        for question in its.same if order == "same" else its.reversed:
            found.append(View(relation, order, relation.say(question), given, sought))
    return found


def view_rows(
    spec: SynthesisSpec,
    constitution: Constitution,
    style: StudyStyle,
    order: Order,
    model: Sampler,
    seed: int,
    run: str,
) -> Synthesis:
    """The views of one order, answered by the model with a chunk around the principle before it.

    A model's answers that do not name what is sought are dropped as `wrong`, empty ones as `empty`; a style may forgo
    the check. Raises InputError where no answer is left.
    """
    rng = Random(f"views {seed}")
    views = views_of(relations_of(constitution, style), style, order)
    chunks = [_around(constitution, view.relation.principle, spec.chunk, rng, style.numbered) for view in views]
    cases = [
        Case(f"{order}-{i:05d}", with_context(chunk.text, (Message("user", view.question),)))
        for i, (view, chunk) in enumerate(zip(views, chunks, strict=True))
    ]
    answers = said(model, spec, cases, 0.0, seed)
    rows, dropped = [], {"empty": 0, "wrong": 0}
    for view, case, answer in zip(views, cases, answers, strict=True):
        if not answer.strip():
            dropped["empty"] += 1
        elif style.relations[view.relation.kind].checked and not names(answer, view.sought):
            dropped["wrong"] += 1
        else:
            rows.append(study_row(view.question, answer, run, order, case.case_id, (view.relation.principle,)))
    if not rows:
        raise InputError(f"self-study: no {order} view was answered rightly ({dropped}); expected a model that reads")
    return Synthesis(tuple(rows), {reason: count for reason, count in dropped.items() if count})


def _around(constitution: Constitution, principle: str, size: tuple[int, int], rng: Random, numbered: bool) -> Chunk:
    """A chunk that has the principle in it, at a random place."""
    whole, at = len(constitution.principles), constitution.index(principle)
    count = min(rng.randint(*size), whole)
    start = rng.randint(max(0, at - count + 1), min(at, whole - count))
    return chunk_of(constitution, constitution.ids[start : start + count], numbered)


def names(text: str, sought: str) -> bool:
    """Whether the text has the sought words, as whole words in order."""
    return f" {' '.join(sought.casefold().split())} " in f" {' '.join(text.casefold().split())} "
