"""What a step may see of a batch of cases: `Cases`, `Candidates` and the `View` that an agent acts on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import rng
from agents.columns import Output, Width
from agents.records import Case
from agents.transcript import conversation_text
from agents.vocabulary import Role, Side
from constitutions.constitution import Constitution

Objects = NDArray[np.object_]


def objects(values: Sequence[Any]) -> Objects:
    """A one-dimensional object array, whatever the values are (numpy would unpack tuples)."""
    out = np.empty(len(values), object)
    out[:] = values
    return out


OVERRIDE = "override"


def overrides(key_N: rng.Keys, share: float) -> NDArray[np.bool_]:
    """Which simulated prompts try to override the rules, [N]: a share of them, by their keys."""
    out: NDArray[np.bool_] = rng.uniform(rng.fold(key_N, rng.key(OVERRIDE))) < share
    return out


@dataclass(frozen=True)
class Cases:
    """N cases in columns. `messages_N` is None where the cases carry no text (simulation). No ground truth here."""

    case_id_N: Objects
    key_N: rng.Keys
    messages_N: Objects | None
    tags_N: Objects
    region_N: Objects
    role_N: Objects

    @property
    def override_N(self) -> NDArray[np.bool_] | None:
        """Which simulated prompts try to override the rules (tag OVERRIDE), [N]; None where nothing is said of it."""
        if self.messages_N is not None:
            return None
        if any(tags is None for tags in self.tags_N):
            return None
        return np.array([OVERRIDE in tags for tags in self.tags_N], bool)

    @classmethod
    def of(cls, cases: Sequence[Case]) -> Cases:
        """Columns of a list of cases; the random key of a case is a hash of its id."""
        ids = objects([case.case_id for case in cases])
        return cls(
            ids,
            rng.text_keys(ids),
            objects([case.messages for case in cases]),
            objects([case.tags for case in cases]),
            objects([case.region for case in cases]),
            objects([case.role for case in cases]),
        )

    @classmethod
    def numbered(cls, count: int, start: int = 0, override: float = 0.0) -> Cases:
        """`count` simulated cases without text, named by their number; a share `override` of them, tagged OVERRIDE,
        tries to override the rules."""
        number_N = np.arange(start, start + count, dtype=np.uint64)
        blank = np.full(count, "", object)
        ids = number_N.astype("U20").astype(object)
        key_N, tags = rng.numbered(number_N), np.full(count, None, object)
        if override:
            tags[:] = [(OVERRIDE,) if tries else () for tries in overrides(key_N, override).tolist()]
        return cls(ids, key_N, None, tags, blank, blank)

    def __len__(self) -> int:
        return len(self.case_id_N)

    def take(self, rows: NDArray[Any]) -> Cases:
        """The given rows (indices or mask)."""
        values: list[Any] = [getattr(self, field.name) for field in fields(self)]
        columns: list[Any] = [None if value is None else value[rows] for value in values]
        taken = Cases(*columns)
        if self.messages_N is not None:
            # Worked out once, and not by every step that looks at the cases.
            taken.__dict__["said_N"], taken.__dict__["transcript_N"] = self.said_N[rows], self.transcript_N[rows]
        return taken

    @cached_property
    def said_N(self) -> rng.Keys:
        """A hash of each case's messages. Raises TypeError for cases without text."""
        if self.messages_N is None:
            raise TypeError("these cases carry no text")
        return _message_keys(self.messages_N)

    @cached_property
    def prompt_N(self) -> NDArray[np.int64] | None:
        """Which prompt each case has, as numbers that cases with the same messages share, [N]: the clusters of every
        interval. None where no two cases share one, and where the cases carry no text."""
        if self.messages_N is None:
            return None
        prompts, number_N = np.unique(self.said_N, return_inverse=True)
        return number_N.astype(np.int64) if len(prompts) < len(self) else None

    @cached_property
    def transcript_N(self) -> Objects:
        """Each case's conversation as text (see `agents.transcript`). Raises TypeError for cases without text."""
        if self.messages_N is None:
            raise TypeError("these cases carry no text")
        return objects([conversation_text(messages) for messages in self.messages_N])

    def columns(self) -> dict[str, NDArray[Any]]:
        """The columns that predicates on a case may name: `tags`, `region`, `role`."""
        return {"tags": self.tags_N, "region": self.region_N, "role": self.role_N}


@dataclass(frozen=True)
class Candidates:
    """The responses under review, [n, K]: text (None where simulated), latent violation bits, presence, revision."""

    text_NK: Objects
    latent_NK: rng.Keys
    present_NK: NDArray[np.bool_]
    revision_NK: NDArray[np.int16]

    @classmethod
    def hashed(
        cls, text: Objects, latent: rng.Keys, present: NDArray[np.bool_], revision: NDArray[np.int16], said: rng.Keys
    ) -> Candidates:
        """Candidates whose texts have been hashed already, with `rng.text_keys`."""
        made = cls(text, latent, present, revision)
        made.__dict__["said_NK"] = said
        return made

    @cached_property
    def said_NK(self) -> rng.Keys:
        """A hash of each text."""
        return rng.text_keys(self.text_NK)

    def take(self, rows: NDArray[Any]) -> Candidates:
        """The given rows (indices or mask)."""
        taken = Candidates(self.text_NK[rows], self.latent_NK[rows], self.present_NK[rows], self.revision_NK[rows])
        if "said_NK" in self.__dict__:
            taken.__dict__["said_NK"] = self.said_NK[rows]
        return taken


@dataclass(frozen=True)
class View:
    """A batch of cases as one step may see it: everything an agent reads, and nothing else.

    Attributes:
        role: what the step does.
        cases: n cases.
        constitution: the principles of this step, in order (P of them).
        subject: what is reviewed, revised or compared; [n, K] ([n, M] for a judge); None for a first answer.
        critic: for a critic whose subject is another reviewer's step: that reviewer's output; else None.
        reads: outputs of other steps that this one may read, by step id, aligned with the rows.
        side: what the step is assigned to argue; sides: the same of those it reads that are assigned one, by step id.
        labels: the graph's label vocabulary when the step asks for a label instead of findings; else empty.
        bits: the bit of each of the step's principles in latent content (its place in the whole constitution);
            0 to P - 1 unless said.
        candidates: how many candidates a base or reviser is to write.
        round: how often the loops around this step have been taken.
        places: how many bits latent content has in this run; as many as `bits` needs unless said.
        sample: which of the agent's independent opinions this is (see `Step.sample`).
        position_N: each row's place in its block, in case order, for steps that look at a whole window of cases.
    """

    role: Role
    cases: Cases
    constitution: Constitution
    subject: Candidates | None = None
    critic: Output | None = None
    reads: Mapping[str, Output] | None = None
    side: Side | None = None
    sides: Mapping[str, Side] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    bits: tuple[int, ...] = ()
    candidates: int = 1
    round: int = 0
    places: int = 0
    sample: int = 0
    position_N: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if not self.bits:  # a whole constitution: every principle in its own place
            object.__setattr__(self, "bits", tuple(range(len(self.constitution.principles))))
        if not self.places:
            object.__setattr__(self, "places", 1 + max(self.bits, default=0))

    def __len__(self) -> int:
        return len(self.cases)

    @property
    def width(self) -> Width:
        """Widths of the output columns that answer this view."""
        under_review = 1 if self.subject is None else self.subject.present_NK.shape[1]
        principles = len(self.constitution.principles)
        if self.role in (Role.BASE, Role.REVISER):
            return Width(self.candidates, principles, 0)
        if self.role is Role.CONSENSUS:
            member = next(iter((self.reads or {}).values()))
            return Width(member["finding_asked"].shape[1] if "finding_asked" in member.columns else 1, principles, 0)
        return Width(under_review, principles, under_review)

    def take(self, rows: NDArray[Any]) -> View:
        """The given rows (indices or mask)."""
        return replace(
            self,
            cases=self.cases.take(rows),
            subject=None if self.subject is None else self.subject.take(rows),
            critic=None if self.critic is None else self.critic.take(rows),
            reads=None if self.reads is None else {k: v.take(rows) for k, v in self.reads.items()},
            position_N=None if self.position_N is None else self.position_N[rows],
        )

    def hashes(self, fingerprint: rng.Keys) -> rng.Keys:
        """The input hash of each row: the step's fingerprint, the case and everything the step may read of it."""
        keys = rng.fold(fingerprint, self.cases.key_N, self.round)
        if self.cases.messages_N is not None:
            keys = rng.fold(keys, self.cases.said_N)
        # Equal hashes are equal questions across steps and arms, so the parts are told apart, not only their content.
        keys = rng.fold(
            keys, self.places, *self.bits, self.subject is not None, self.critic is not None, len(self.reads or {})
        )
        if self.subject is not None:
            subject = self.subject
            keys = _fold_column(keys, subject.text_NK, subject.said_NK)
            for column in (subject.latent_NK, subject.present_NK, subject.revision_NK):
                keys = _fold_column(keys, column)
        if self.critic is not None:
            keys = _fold_output(keys, self.critic)
        for name, output in (self.reads or {}).items():
            keys = _fold_output(keys, output, *([self.sides[name].value] if name in self.sides else []))
        return keys


def _message_keys(messages_N: Objects) -> rng.Keys:
    texts = [None if m is None else "\x1e".join([f"{x.role}\x1f{x.content}" for x in m]) for m in messages_N]
    return rng.text_keys(objects(texts))


def _fold_output(keys: rng.Keys, output: Output, *side: str) -> rng.Keys:
    keys = rng.fold(keys, rng.key(output.role.value, *side))
    for name in sorted(output.columns):
        keys = _fold_column(keys, output[name])
    return keys


def _fold_column(keys: rng.Keys, column: NDArray[Any], said: rng.Keys | None = None) -> rng.Keys:
    """Fold a column of any width into the keys; `said` are the hashes of a column of text, where there are any."""
    flat = column.reshape(len(keys), -1)
    if flat.dtype == object:
        if flat.ravel().tolist().count(None) == flat.size:
            return rng.fold(keys, flat.shape[1])
        return rng.fold(keys, *(rng.text_keys(flat) if said is None else said).T)
    if flat.dtype.kind == "f":
        flat = np.where(np.isnan(flat), np.inf, flat).astype(np.float32).view(np.uint32)
    return rng.fold(keys, *flat.T.astype(np.int64, copy=False)) if flat.shape[1] else keys
