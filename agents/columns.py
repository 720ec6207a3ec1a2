"""What a step says, in columns: one declared schema per role, and `Output`, a batch of rows of it.

Dimension names: n rows of a batch, K candidates under review or written, P principles of the step, M options compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.vocabulary import Role

Array = NDArray[Any]


class Level(StrEnum):
    """What one cell of a column is about, and so the column's shape."""

    CASE = "case"  # [n]
    CANDIDATE = "candidate"  # [n, K]
    FINDING = "finding"  # [n, K, P]
    OPTION = "option"  # [n, M]


@dataclass(frozen=True, slots=True)
class Column:
    """A declared column. `hidden` columns never leave through a user-facing answer, a log or a public export."""

    name: str
    level: Level
    dtype: str
    missing: Any
    hidden: bool
    doc: str


def _case(name: str, dtype: str, missing: Any, hidden: bool, doc: str) -> Column:
    return Column(name, Level.CASE, dtype, missing, hidden, doc)


VERDICT = _case("verdict", "int8", 0, False, "Verdict code; 0 is missing")
LABEL = _case("label", "int8", -1, False, "index into the graph's declared labels; -1 is missing")
CALLS = _case("calls", "int16", 0, False, "model calls this row cost")
TOKENS = _case("tokens", "int32", 0, False, "tokens read and written for this row")
WRITTEN = _case("written", "int32", 0, False, "of these, tokens written")

RESPONSE_COLUMNS = (
    VERDICT,
    Column("text", Level.CANDIDATE, "object", None, False, "the visible answer; None where absent or simulated"),
    Column("latent", Level.CANDIDATE, "uint64", 0, True, "simulated content: bit p set = violates principle p"),
    Column("present", Level.CANDIDATE, "bool", False, False, "whether the candidate exists"),
    _case("revision", "int16", 0, False, "0 for a first answer, parent's + 1 for a revision"),
    _case("phrasing", "int16", -1, False, "which request phrasing was drawn; -1 none"),
    CALLS,
    TOKENS,
    WRITTEN,
)
REVIEW_COLUMNS = (
    VERDICT,
    _case("flagged", "bool", False, True, "some finding present on the reviewed response is a violation"),
    _case("severity", "float32", 0.0, True, "largest severity among flagged findings, in [0, 1]"),
    _case("confidence", "float32", 0.0, True, "least confidence among present findings, in [0, 1]"),
    _case("override", "float32", np.nan, True, "probability that the prompt tries to override the rules; NaN unasked"),
    LABEL,
    _case("critique", "object", None, True, "the explanation"),
    _case("phrasing", "int16", -1, True, "which critique request phrasing was drawn; -1 none"),
    Column("finding_asked", Level.FINDING, "bool", False, True, "the principle applied and was asked about"),
    Column("finding_present", Level.FINDING, "bool", False, True, "a readable verdict came back"),
    Column("finding_flag", Level.FINDING, "bool", False, True, "judged a violation"),
    Column("finding_severity", Level.FINDING, "float32", 0.0, True, "severity in [0, 1]; 0 unless flagged"),
    Column("finding_confidence", Level.FINDING, "float32", 0.0, True, "max(p, 1 - p) of the verdict's probability"),
    CALLS,
    TOKENS,
    WRITTEN,
)
JUDGE_COLUMNS = (
    VERDICT,
    _case("chosen", "int16", -1, False, "index of the preferred option; -1 missing"),
    _case("confidence", "float32", 0.0, True, "probability of the chosen option"),
    Column("score", Level.OPTION, "float32", np.nan, True, "probability that the option is best; NaN missing"),
    LABEL,
    CALLS,
    TOKENS,
)
CONSENSUS_COLUMNS = (
    VERDICT,
    _case("flagged", "bool", False, True, "the rule found a violation"),
    _case("severity", "float32", 0.0, True, "largest mean severity among principles the rule flagged"),
    _case("confidence", "float32", 0.0, True, "least, over decided principles, of the members' mean confidence"),
    _case("disagreement", "float32", 0.0, True, "share of present members outside the majority verdict"),
    LABEL,
    Column("finding_asked", Level.FINDING, "bool", False, True, "some member was asked"),
    Column("finding_present", Level.FINDING, "bool", False, True, "the rule could decide"),
    Column("finding_flag", Level.FINDING, "bool", False, True, "decided a violation"),
    Column("finding_severity", Level.FINDING, "float32", 0.0, True, "mean severity of the flagging members"),
    Column("finding_confidence", Level.FINDING, "float32", 0.0, True, "mean confidence of the present members"),
)
AUDIT_COLUMNS = (
    VERDICT,
    Column("text", Level.CANDIDATE, "object", None, False, "the auditor's own revision; None unless revised"),
    Column("latent", Level.CANDIDATE, "uint64", 0, True, "simulated content of the auditor's revision"),
    Column("present", Level.CANDIDATE, "bool", False, False, "whether the auditor wrote a revision"),
    _case("revision", "int16", 0, False, "parent's + 1 where the auditor wrote a revision"),
    LABEL,
    _case("auditor", "object", None, True, "who decided"),
    _case("comment", "object", None, True, "the auditor's comment"),
    _case("minutes", "float32", 0.0, False, "human minutes spent"),
)
COLUMNS: dict[Role, tuple[Column, ...]] = {
    Role.BASE: RESPONSE_COLUMNS,
    Role.REVISER: RESPONSE_COLUMNS,
    Role.CRITIC: REVIEW_COLUMNS,
    Role.SAFETY: REVIEW_COLUMNS,
    Role.JUDGE: JUDGE_COLUMNS,
    Role.CONSENSUS: CONSENSUS_COLUMNS,
    Role.AUDITOR: AUDIT_COLUMNS,
}


@dataclass(frozen=True, slots=True)
class Width:
    """The widths a step's columns have: K candidates, P principles, M options."""

    candidates: int = 1
    principles: int = 0
    options: int = 0

    def shape(self, n: int, level: Level) -> tuple[int, ...]:
        """Shape of a column of `level` with n rows."""
        match level:
            case Level.CASE:
                return (n,)
            case Level.CANDIDATE:
                return (n, self.candidates)
            case Level.FINDING:
                return (n, self.candidates, self.principles)
            case Level.OPTION:
                return (n, self.options)


def blank(role: Role, n: int, width: Width) -> dict[str, Array]:
    """Every column of the role with n rows, all missing."""
    return {c.name: np.full(width.shape(n, c.level), c.missing, dtype=c.dtype) for c in COLUMNS[role]}


@dataclass(frozen=True)
class Output:
    """What one step said about n rows: exactly the columns that `COLUMNS[role]` declares, first axis n. Immutable."""

    role: Role
    columns: Mapping[str, Array]

    @classmethod
    def of(cls, role: Role, n: int, width: Width, **given: Array) -> Output:
        """An output with the given columns (cast to their declared dtype) and every other one missing."""
        columns = blank(role, n, width)
        for name, values in given.items():
            if name not in columns or columns[name].shape != np.shape(values):
                raise ValueError(f"{role}: column {name!r} {np.shape(values)} does not fit {sorted(columns)}")
            columns[name] = np.asarray(values).astype(columns[name].dtype)
        return cls(role, columns)

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["verdict"])

    def take(self, rows: Array) -> Output:
        """The given rows (indices or mask)."""
        return Output(self.role, {name: column[rows] for name, column in self.columns.items()})

    def rows(self) -> list[dict[str, Any]]:
        """One plain dictionary per row (lists and Python scalars), as the journal keeps it; exact both ways."""
        names = list(self.columns)
        lists = [self.columns[name].tolist() for name in names]
        return [dict(zip(names, values, strict=True)) for values in zip(*lists, strict=True)]

    @classmethod
    def from_rows(cls, role: Role, rows: Sequence[Mapping[str, Any]], width: Width) -> Output:
        """The inverse of `rows`."""
        columns = blank(role, len(rows), width)
        for column in COLUMNS[role]:
            target = columns[column.name]
            if column.dtype == "object":
                for i, row in enumerate(rows):
                    target[i] = row[column.name]
            elif rows:
                target[...] = np.array([row[column.name] for row in rows], dtype=column.dtype).reshape(target.shape)
        return cls(role, columns)

    @classmethod
    def join(cls, parts: Sequence[Output]) -> Output:
        """Rows of several outputs of one role and width, in order."""
        names = parts[0].columns
        return cls(parts[0].role, {name: np.concatenate([p.columns[name] for p in parts]) for name in names})
