"""How a model is asked to study: shipped for chat models (`plain`), or a YAML file."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from pydantic import Field, model_validator

from agents.spec import Spec
from constitutions.errors import InputError
from constitutions.strict import problem
from constitutions.validation import load_model
from training.self_study.seeds import Seed

_SHIPPED = Path(__file__).parent
SUBJECT, OBJECT = "{subject}", "{object}"


class RelationStyle(Spec):
    """One way in which a statement ties a subject to an object, and questions about it in both directions.

    Attributes:
        pattern: the statement with `{subject}` and `{object}` in the order in which it names them, where it is of this
            kind; without one, every statement is: its subject is the principle's name and its object the statement.
        same: questions that name the subject, as the statement does first: the control of same-order paraphrase.
        reversed: questions that name the object, to be answered with the subject.
        checked: whether a model's answer must name what its question leaves out.
    """

    pattern: str | None = None
    same: tuple[str, ...] = Field(min_length=1)
    reversed: tuple[str, ...] = Field(min_length=1)
    checked: bool = True

    @model_validator(mode="after")
    def _directions(self) -> RelationStyle:
        if self.pattern is not None and not 0 <= self.pattern.find(SUBJECT) < self.pattern.find(OBJECT):
            raise problem(f"is {self.pattern!r}; expected {{subject}} and then {{object}} in it", "pattern")
        for name, named, kept in (("same", SUBJECT, OBJECT), ("reversed", OBJECT, SUBJECT)):
            for question in getattr(self, name):
                if named not in question or kept in question:
                    raise problem(f"{question!r} must name {named} and not {kept}", name)
        if len(self.same) != len(self.reversed):
            raise problem(
                f"has {len(self.reversed)} questions and same has {len(self.same)}; expected as many, so that the arms "
                "differ in the direction alone",
                "reversed",
            )
        return self

    def read(self, name: str, statement: str) -> tuple[str, str] | None:
        """(subject, object) of a principle; None where its statement is not of this kind."""
        if self.pattern is None:
            return name, statement
        found = _pattern(self.pattern).fullmatch(statement.strip())
        return (found["subject"], found["object"]) if found else None


@cache
def _pattern(text: str) -> re.Pattern[str]:
    before, rest = text.split(SUBJECT)
    between, after = rest.split(OBJECT)
    return re.compile(f"{re.escape(before)}(?P<subject>.+?){re.escape(between)}(?P<object>.+?){re.escape(after)}")


class StudyStyle(Spec):
    """How chunks are shown and how questions are asked for.

    Attributes:
        numbered: whether the statements are numbered and stand on lines of their own, as in `Constitution.text`.
        writer: the role in which the model is asked to write a question.
        ask: by kind of seed, how it is asked, with the chunk in the system message.
        relations: how statements are read, by kind; the first that fits is taken.
    """

    name: str
    numbered: bool = True
    writer: str = "user"
    ask: dict[Seed, str]
    relations: dict[str, RelationStyle] = Field(min_length=1)

    @model_validator(mode="after")
    def _all_seeds(self) -> StudyStyle:
        from training.self_study.seeds import SEEDS

        for seed in SEEDS:
            if not self.ask.get(seed, "").strip():
                raise problem(f"has no {seed}; expected one for each of {', '.join(SEEDS)}", "ask")
        return self


@cache
def load_study_style(name_or_path: str) -> StudyStyle:
    """A shipped style (`plain`) or a YAML file. Raises InputError."""
    shipped = _SHIPPED / f"{name_or_path}.yaml"
    if not shipped.is_file() and not Path(name_or_path).is_file():
        raise InputError(f"study style: no {name_or_path!r}; accepted: plain, microworld, or a YAML file")
    return load_model(shipped if shipped.is_file() else name_or_path, StudyStyle)
