"""What a constitution ties to what: the relations whose two directions are asked about."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from constitutions.constitution import Constitution
from constitutions.errors import InputError
from training.self_study.style import StudyStyle


@dataclass(frozen=True, slots=True)
class Relation:
    """A principle's subject and object, in the order in which its statement names them; `kind` is the style's."""

    principle: str
    kind: str
    subject: str
    object: str

    def say(self, template: str) -> str:
        """A wording with this relation's subject and object."""
        return template.replace("{subject}", self.subject).replace("{object}", self.object)


def relations_of(constitution: Constitution, style: StudyStyle) -> list[Relation]:
    """One relation per principle, in order.

    Raises InputError for a statement that the style cannot read, and where a subject or an object occurs twice: a
    question about it would have two answers.
    """
    found = [_relation(principle.id, principle.statement, style) for principle in constitution.principles]
    for side in ("subject", "object"):
        most = Counter((each.kind, getattr(each, side)) for each in found).most_common(1)[0]
        if most[1] > 1:
            raise InputError(
                f"constitution {constitution.name!r}: {most[1]} principles have the {side} {most[0][1]!r}; expected "
                "each once, so that a question about it has one answer"
            )
    return found


def _relation(name: str, statement: str, style: StudyStyle) -> Relation:
    for kind, it in style.relations.items():
        read = it.read(name.replace("-", " ").replace("_", " "), statement)
        if read is not None:
            return Relation(name, kind, *read)
    raise InputError(
        f"principle {name!r}: the study style {style.name!r} has no relation that reads {statement!r}; expected one of "
        + ", ".join(repr(it.pattern) for it in style.relations.values())
    )
