"""Questions and answers that a model writes about a constitution, from five kinds of seed and random chunks.

Two parts are played by one model, both with the same chunk in the system message: one writes a question as the seed
asks, the other answers it. What is learnt from is the question and the answer alone, without the chunk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from pydantic import Field, field_validator

from agents.records import Case, Message
from agents.spec import Spec
from constitutions.constitution import Constitution
from constitutions.errors import InputError
from training.datasets import ASSISTANT, SftRow
from training.distillation import with_context
from training.lineage import Lineage
from training.sampling import Sampler
from training.self_study.chunks import Chunk, draw_chunk
from training.self_study.seeds import SEEDS, Seed
from training.self_study.style import StudyStyle

ARM = "self_study"


class SynthesisSpec(Spec):
    """How much is written: `rows` questions, an equal number from every seed, about chunks of `chunk` (least, most)
    principles each, questions drawn at `temperature`, answers greedily; at most `max_new_tokens` each."""

    rows: int = Field(500, ge=5)
    chunk: tuple[int, int] = (4, 8)
    temperature: float = Field(1.0, gt=0)
    max_new_tokens: int = Field(64, ge=1)
    batch_size: int = Field(32, ge=1)

    @field_validator("chunk")
    @classmethod
    def _least_before_most(cls, size: tuple[int, int]) -> tuple[int, int]:
        if not 1 <= size[0] <= size[1]:
            raise ValueError(f"is {list(size)}; expected [least, most] with 1 <= least <= most")
        return size


@dataclass(frozen=True, slots=True)
class Synthesis:
    """The rows in order, and how many were not kept, by reason: `empty` questions or answers, `repeated` rows."""

    rows: tuple[SftRow, ...]
    dropped: dict[str, int]

    def by_seed(self) -> dict[str, int]:
        """How many rows each kind of seed gave."""
        return dict(Counter(row.lineage.case_id.partition("-")[0] for row in self.rows))


def synthesise(
    spec: SynthesisSpec, constitution: Constitution, style: StudyStyle, model: Sampler, seed: int, run: str
) -> Synthesis:
    """Let the model study. The same model, spec and seed give the same rows.

    `model` gives network and tokenizer; its own temperature is not used. Raises InputError where nothing is written.
    """
    rng = Random(f"self-study {seed}")
    plan = [
        (kind, draw_chunk(constitution, spec.chunk, rng, style.numbered))
        for kind, _ in ((SEEDS[i % len(SEEDS)], i) for i in range(spec.rows))
    ]
    writers = [
        Case(f"{kind}-{i:05d}", with_context(chunk.text, (Message(style.writer, style.ask[kind]),)))
        for i, (kind, chunk) in enumerate(plan)
    ]
    questions = said(model, spec, writers, spec.temperature, seed)
    asked = [
        Case(case.case_id, with_context(chunk.text, (Message("user", question or "?"),)))
        for case, (_, chunk), question in zip(writers, plan, questions, strict=True)
    ]
    answers = said(model, spec, asked, 0.0, seed)
    return _kept(plan, questions, answers, run)


def said(model: Sampler, spec: SynthesisSpec, cases: Sequence[Case], temperature: float, seed: int) -> list[str]:
    """One answer to each case, drawn at a temperature (0: the likeliest)."""
    drawer = Sampler(model.model, model.tokenizer, spec.batch_size, spec.max_new_tokens, temperature)
    return [drawn[0].text for drawn in drawer.draw(cases, 1, seed)]


def _kept(plan: Sequence[tuple[Seed, Chunk]], questions: Sequence[str], answers: Sequence[str], run: str) -> Synthesis:
    rows, seen, dropped = [], set(), Counter[str]()
    for number, ((kind, chunk), question, answer) in enumerate(zip(plan, questions, answers, strict=True)):
        if not question.strip() or not answer.strip():
            dropped["empty"] += 1
        elif (question, answer) in seen:
            dropped["repeated"] += 1
        else:
            seen.add((question, answer))
            rows.append(study_row(question, answer, run, ARM, f"{kind}-{number:05d}", chunk.ids))
    if not rows:
        raise InputError(f"self-study: the model wrote nothing to learn from ({dict(dropped)}); expected text")
    return Synthesis(tuple(rows), dict(dropped))


def study_row(question: str, answer: str, run: str, arm: str, case_id: str, principles: Sequence[str]) -> SftRow:
    """A supervised row: the question, and the answer to learn; its lineage names the principles that were shown."""
    lineage = Lineage(
        run=run,
        arm=arm,
        case_id=case_id,
        steps=("question", "answer"),
        principles=tuple(principles),
        verdicts=(),
        outcome="released",
        agreement=1.0,
        audited=False,
        weight=1.0,
    )
    return SftRow((Message("user", question),), (Message(ASSISTANT, answer),), 1.0, lineage)
