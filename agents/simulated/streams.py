"""An agent's random streams, and the words of bits that are made of them, alone and with relatives.

Every draw is a function of the case's key and a stream. Shapes: n cases; a word has a bit per principle.
A revision number is one for all cases, or one per case [n].
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import rng
from agents.simulated import lanes as bits
from agents.simulated.lanes import Lanes, Words
from agents.simulated.spec import Shock, SimulatedSpec, rates
from agents.simulated.tables import FACTOR_BITS, LEVELS, Group, Table, factor_table

Revision = int | NDArray[np.int64]
Limits = tuple[Lanes, NDArray[np.uint8] | None]
"""Thresholds [n, 8], and the bits that are sure [n] (None where none is)."""


@dataclass
class Looked:
    """What was looked up last: several reviewers look at the same subject, and relatives have the same chances."""

    subject: Words | None = None
    group: int = 0
    index: NDArray[Any] | None = None
    chances: Table | None = None
    limits: Limits | None = None


@dataclass(frozen=True)
class Seen:
    """The cases of a call: keys [n], difficulty level [n] (uint8, below LEVELS), whether the prompt tries to override
    the rules [n] (None: none does), and draws that relatives share."""

    key_n: rng.Keys
    level_n: NDArray[np.uint8]
    override_n: NDArray[np.bool_] | None = None
    scratch: dict[tuple[int | str | bool, ...], Lanes] = field(default_factory=dict)
    looked: Looked = field(default_factory=Looked)

    def __len__(self) -> int:
        return len(self.key_n)


def levels_of(key_n: rng.Keys) -> NDArray[np.uint8]:
    """Every case's difficulty level, uniform."""
    return (bits.quarter(key_n, bits.stream("difficulty")) >> np.uint32(32 - LEVELS.bit_length() + 1)).astype(np.uint8)


@dataclass(frozen=True)
class Streams:
    """Where a simulated agent's randomness comes from: its spec, the run's seed and its stream's name, how many
    principles there are, and which of its independent opinions it gives."""

    spec: SimulatedSpec
    seed: int
    stream: str
    principles: int
    sample: int = 0

    @cached_property
    def kind(self) -> np.dtype[Any]:
        """The type of its words."""
        return bits.word_type(self.principles)

    def _place(self, key_n: rng.Keys, use: tuple[int | str, ...], revision: Revision) -> tuple[rng.Keys, int]:
        return self._located(key_n, (self.stream, self.sample, *use), revision)

    def _located(self, key_n: rng.Keys, name: tuple[int | str, ...], revision: Revision) -> tuple[rng.Keys, int]:
        """(counter [n], constant) of a stream; a revision that differs by case moves the counter."""
        if isinstance(revision, int):
            return key_n, bits.stream(self.seed, *name, revision)
        top = int(revision.max(initial=0))
        constants = np.array([bits.stream(self.seed, *name, r) for r in range(top + 1)], np.uint64)
        return key_n + constants.take(revision), 0

    def _happens(self, seen: Seen, chance: float, name: tuple[int | str, ...], revision: Revision) -> NDArray[np.bool_]:
        """Whether a thing of this chance happens, per case. A family's own is drawn on the family's name."""
        key, constant = self._located(
            seen.key_n, name if name[0] == "collusion" else (self.stream, self.sample, *name), revision
        )
        return bits.below(bits.quarter(key, constant), chance)

    def _word(
        self, seen: Seen, chances: Table, subject: Words | None, use: tuple[int | str, ...], revision: Revision
    ) -> Words:
        found = []
        for g, group in enumerate(chances.groups):
            drawn = bits.lanes(*self._place(seen.key_n, (*use, g), revision), wide=group.rows is None)
            found.append(_compare(drawn, _limits(seen, chances, subject, g)))
        return bits.joined(found, self.kind)

    def _shocked(self, seen: Seen, chances: Table, truth: Words, use: str, revision: Revision) -> Words:
        """Own lanes, or the family's where a shock strikes; apart for violated and innocent principles."""
        shock = self.spec.dependence
        assert isinstance(shock, Shock)
        found: list[NDArray[np.uint8]] = []
        for g, group in reversed(list(enumerate(chances.groups))):
            limits, wide = _limits(seen, chances, truth, g), group.rows is None
            own = bits.lanes(*self._place(seen.key_n, (use, g), revision), wide=wide)
            common = self._common(seen, str(self.spec.family), g, revision, wide)
            if not found:  # the last group may have a lane to spare
                struck = (
                    own[:, 7]
                    if self.principles % 8
                    else bits.quarter(*self._place(seen.key_n, (use, "shock"), revision))
                )
                on_violated = bits.below(struck, shock.violating)
            if shock.violating == shock.innocent and not wide:
                drawn = np.where(on_violated, _as_one(common), _as_one(own)).view(np.uint16).reshape(-1, 8)
                found.append(_compare(drawn, limits))
                continue
            alone, together = _compare(own, limits), _compare(common, limits)
            here = bits.byte(truth, g)
            on_innocent = bits.below(struck, shock.innocent)
            struck_bits = np.where(on_violated, here, 0) | np.where(on_innocent, ~here, 0)
            found.append((together & struck_bits) | (alone & ~struck_bits))
        return bits.joined(found[::-1], self.kind)

    def _common(self, seen: Seen, family: str, group: int, revision: Revision, wide: bool) -> Lanes:
        """The family's lanes, drawn once for all relatives."""
        if not isinstance(revision, int):
            return bits.lanes(*self._located(seen.key_n, ("family", family, group), revision), wide=wide)
        name = (family, group, revision, wide)
        if name not in seen.scratch:
            place = self._located(seen.key_n, ("family", family, group), revision)
            seen.scratch[name] = bits.lanes(*place, wide=wide)
        return seen.scratch[name]

    def _dependent(
        self,
        seen: Seen,
        truth: Words,
        mask: int,
        use: str,
        revision: Revision,
    ) -> Words:
        """Own lanes against thresholds that the family's factor moves (copula, beta-binomial)."""
        dependence = self.spec.dependence
        assert dependence is not None
        assert not isinstance(dependence, Shock)
        clean, violated = rates(self.spec.false_alarm, self.principles), rates(self.spec.skill, self.principles)
        found = []
        for g in range(-(-self.principles // 8)):
            own = bits.lanes(*self._place(seen.key_n, (use, g), revision), wide=True)
            common = self._common(seen, str(self.spec.family), g, revision, False)
            here, flags = bits.byte(truth, g), np.zeros((len(seen), 8), bool)
            for j in range(min(8, self.principles - 8 * g)):
                p = 8 * g + j
                if (mask >> p) & 1:
                    limits, levels = factor_table(clean[p], violated[p], self.spec.discrimination, dependence)
                    index = ((here >> np.uint8(j)) & np.uint8(1)).astype(np.int64)
                    if levels > 1:
                        index += 2 * seen.level_n.astype(np.int64)
                    index <<= FACTOR_BITS
                    index += common[:, j] >> np.uint16(16 - FACTOR_BITS)
                    limit = limits.take(index)
                    flags[:, j] = (own[:, j] < limit) | (limit == np.uint32(0xFFFFFFFF))
            found.append(bits.pack(flags))
        return bits.joined(found, self.kind)

    def _betray(self, seen: Seen, chances: Table, candidate: int) -> Words:
        """Violations where the believed draw of the targeted family is highest: where it is most blind."""
        target = self.spec.adversary
        assert target is not None
        knows = self._happens(seen, target.knowledge, ("knows", candidate), 0)
        found = []
        for g, group in enumerate(chances.groups):
            wide = group.rows is None
            common = self._common(seen, target.family, g, 0, wide)
            believed = bits.lanes(*self._place(seen.key_n, ("believes", candidate, g), 0), wide=wide)
            drawn = np.where(knows[:, None], ~common, believed)
            found.append(_compare(drawn, _limits(seen, chances, None, g)))
        return bits.joined(found, self.kind)


def _limits(seen: Seen, chances: Table, subject: Words | None, group: int) -> Limits:
    """A group's thresholds for every case."""
    looked = seen.looked
    if subject is None or looked.subject is not subject or looked.group != group:
        looked.subject, looked.group, looked.index, looked.chances = subject, group, None, None
    if looked.chances is not chances or looked.limits is None:
        looked.chances, looked.limits = chances, _taken(chances.groups[group], _index(seen, chances, subject, group))
    return looked.limits


def _index(seen: Seen, chances: Table, subject: Words | None, group: int) -> NDArray[Any]:
    """Row of the threshold table: level * 256 + byte of the subject."""
    if chances.levels == 1:
        return np.zeros(len(seen), np.uint16) if subject is None else bits.byte(subject, group)
    if seen.looked.index is None:
        index = seen.level_n.astype(np.uint16)
        index <<= np.uint16(8)
        if subject is not None:
            index |= bits.byte(subject, group)
        seen.looked.index = index
    return seen.looked.index


def _taken(group: Group, index: NDArray[Any]) -> Limits:
    sure = None if group.sure is None else group.sure.take(index)
    if group.rows is not None:
        return group.rows.take(index).view(np.uint16).reshape(-1, 8), sure
    assert group.wide is not None
    return group.wide.take(index, axis=0), sure


def _compare(drawn: Lanes, limits: Limits) -> NDArray[np.uint8]:
    limit, sure = limits
    byte = bits.pack(drawn < limit)
    return byte if sure is None else byte | sure


def _as_one(lanes: Lanes) -> NDArray[np.complex128]:
    """Eight 16-bit lanes as one element, so that choosing between rows is one move."""
    return lanes.view(np.complex128)[:, 0]
