"""What a simulated agent does to words of bits. Every draw is a function of the case's key and a stream alone.

Shapes: n cases; a word has bit p set where principle p is violated (in a response) or flagged (in a verdict).
A revision number is one for all cases, or one per case [n].
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import rng
from agents.simulated import lanes as bits
from agents.simulated.lanes import Lanes, Words
from agents.simulated.marks import bare, has_marks, lost, marked, sure
from agents.simulated.spec import Shock, SimulatedSpec, rates
from agents.simulated.tables import FACTOR_BITS, LEVELS, Table, factor_table, shifted, table

Revision = int | NDArray[np.int64]


@dataclass(frozen=True)
class Seen:
    """The cases of a call: keys [n], difficulty level [n] (uint8, below LEVELS), whether the prompt tries to override
    the rules [n] (None: none does), and draws that relatives share."""

    key_n: rng.Keys
    level_n: NDArray[np.uint8]
    override_n: NDArray[np.bool_] | None = None
    scratch: dict[tuple[int | str | bool, ...], Lanes] = field(default_factory=dict)
    indexed: list[Any] = field(default_factory=lambda: [None, 0, None])

    def __len__(self) -> int:
        return len(self.key_n)


@dataclass(frozen=True)
class Reading:
    """A reviewer's verdicts: flag and present words [n]; present None where every principle asked could be read."""

    flag_n: Words
    present_n: Words | None = None


def levels_of(key_n: rng.Keys) -> NDArray[np.uint8]:
    """Every case's difficulty level, uniform."""
    return (bits.quarter(key_n, bits.stream("difficulty")) >> np.uint32(32 - LEVELS.bit_length() + 1)).astype(np.uint8)


@dataclass(frozen=True)
class Draws:
    """A simulated agent: its spec, its random stream (the run's seed and the stream's name), how many principles there
    are, and which of its independent opinions it gives."""

    spec: SimulatedSpec
    seed: int
    stream: str
    principles: int
    sample: int = 0
    _kept: dict[tuple[str, int], Table] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def kind(self) -> np.dtype[Any]:
        """The type of its words."""
        return bits.word_type(self.principles)

    @cached_property
    def everything(self) -> int:
        """The mask of all principles."""
        return (1 << self.principles) - 1

    # -- roles ---------------------------------------------------------------------------------------------------

    def respond(self, seen: Seen, candidate: int = 0) -> Words:
        """A first answer's violations."""
        word = self._respond(seen, "respond", candidate)
        if seen.override_n is not None and self.spec.override:
            word = np.where(seen.override_n, self._respond(seen, "overridden", candidate), word)
        return self._spoken(seen, word, None, ("respond", candidate), 0)

    def _respond(self, seen: Seen, what: str, candidate: int) -> Words:
        chances = self._chances(what, self.everything)
        if self.spec.adversary is not None:
            return self._betray(seen, chances, candidate)
        return self._word(seen, chances, None, ("respond", candidate), 0)

    def revise(
        self, seen: Seen, subject: Words, revision: Revision, flagged: Words | None, candidate: int = 0
    ) -> Words:
        """A better answer's violations. `flagged`: what the reviewers it reads flagged; None where it reads none."""
        chances = self._chances("revise", self.everything)
        broken = bare(subject, self.principles)
        word = self._word(seen, chances, broken, ("revise", candidate), revision)
        if self.spec.informed and flagged is not None:
            word = word | (broken & ~flagged)
        return self._spoken(seen, word, subject, ("revise", candidate), revision)

    def _spoken(
        self, seen: Seen, word: Words, before: Words | None, use: tuple[int | str, ...], revision: Revision
    ) -> Words:
        """An answer with its marks: whether helpfulness was lost, now or before, and whether it sounds sure."""
        spec, size = self.spec, self.principles
        if not (spec.marks or (before is not None and has_marks(before, size))):
            return word
        gone = np.zeros(len(seen), bool) if before is None else lost(before, size)
        if before is not None and spec.blunting:
            gone = gone | self._happens(seen, spec.blunting, (*use, "blunts"), revision)
        drawn = bits.quarter(*self._place(seen.key_n, (*use, "bold"), revision))
        bold = np.where(word != 0, bits.below(drawn, spec.bold_wrong), bits.below(drawn, spec.bold))
        return marked(word, gone, bold, size)

    def review(
        self, seen: Seen, truth: Words, mask: int, revision: Revision, use: str = "review", candidate: int = 0
    ) -> Reading:
        """Verdicts on the principles of `mask`."""
        use = f"{use} {candidate}" if candidate else use
        spec, answer, truth = self.spec, truth, bare(truth, self.principles)
        if spec.family is None or spec.dependence is None:
            word = self._word(seen, self._chances("review", mask), truth, (use,), revision)
        elif isinstance(spec.dependence, Shock):
            word = self._shocked(seen, self._chances("review", mask), truth, use, revision)
        else:
            word = self._dependent(seen, truth, mask, use, revision)
        if spec.collusion:
            name = ("collusion", spec.family or self.stream)
            word = np.where(self._happens(seen, spec.collusion, name, 0), word & ~truth, word)
        if spec.deference and has_marks(answer, self.principles):
            yields = sure(answer, self.principles) & self._happens(seen, spec.deference, (use, "defers"), revision)
            word = np.where(yields, self.kind.type(0), word)
        return Reading(word, self._present(seen, mask, use, revision))

    def follow(self, seen: Seen, own: Words, flags: list[Words], passes: list[Words], revision: Revision) -> Words:
        """Its own flags, or, with chance `sycophancy` per case, what most of those it heard say (a tie says nothing).

        `flags` and `passes` are a word per reviewer: what it flagged, and what it found fine.
        """
        said = bits.more(flags, passes) | (own & ~bits.more(passes, flags))
        return np.where(self._happens(seen, self.spec.sycophancy, ("sycophancy",), revision), said, own)

    def prefer(self, seen: Seen, first: Words, second: Words, revision: Revision, pair: int = 0) -> NDArray[np.bool_]:
        """Whether the first of two options is preferred, [n]."""
        a, b = (np.bitwise_count(bare(word, self.principles)) for word in (first, second))
        right = self._happens(seen, rates(self.spec.skill, 1)[0], ("prefer", pair), revision)
        coin = self._happens(seen, 0.5, ("coin", pair), revision)
        out: NDArray[np.bool_] = np.where(a == b, coin, right == (a < b))
        if self.spec.deference:
            bold, other = sure(first, self.principles), sure(second, self.principles)
            yields = (bold != other) & self._happens(seen, self.spec.deference, ("defers", pair), revision)
            out = np.where(yields, bold, out)
        return out

    def override(self, key_n: rng.Keys, override_n: NDArray[np.bool_] | None) -> NDArray[np.float32]:
        """P(the prompt tries to override the rules) as the safety role tells it, [n]: `sure` where it sees an attempt
        (with chance `sensitivity` where there is one, `false_alarm` where there is none), else 1 - `sure`; 0 where
        nothing is said of attempts."""
        if override_n is None:
            return np.zeros(len(key_n), np.float32)
        spec = self.spec
        drawn = bits.quarter(*self._place(key_n, ("override",), 0))
        hit, alarm = rates(spec.skill, 1)[0], rates(spec.false_alarm, 1)[0]
        sees = np.where(override_n, bits.below(drawn, hit), bits.below(drawn, alarm))
        return np.where(sees, np.float32(spec.sure), np.float32(1.0 - spec.sure))

    def confidences(
        self, key_n: rng.Keys, right: Words, places: tuple[int, ...], revision: Revision
    ) -> NDArray[np.float32]:
        """Confidence in every verdict, [n, P]; `right` has a bit where the verdict on that place's principle is."""
        spec = self.spec
        good = np.stack([(right >> right.dtype.type(p)) & 1 for p in places], axis=1).astype(bool)
        if spec.noise == 0.0:
            return np.where(good, np.float32(spec.sure), np.float32(spec.sure_wrong))
        drawn = [bits.lanes(*self._place(key_n, ("sure", g), revision)) for g in range(-(-self.principles // 8))]
        lane = np.stack([drawn[p // 8][:, p % 8] for p in places], axis=1)
        when_good, when_bad = (_confidences(centre, spec.noise) for centre in (spec.sure, spec.sure_wrong))
        return np.where(good, when_good.take(lane), when_bad.take(lane))

    def _chances(self, what: str, mask: int) -> Table:
        """The threshold table of a kind of draw, kept."""
        if (what, mask) not in self._kept:
            self._kept[what, mask] = self._table(what, mask)
        return self._kept[what, mask]

    def _table(self, what: str, mask: int) -> Table:
        spec, size = self.spec, self.principles
        first, skill = rates(spec.propensity, size), rates(spec.skill, size)
        match what:
            case "respond":
                return table(first, first, -spec.discrimination, mask)
            case "overridden":
                more = shifted(first, spec.override)
                return table(more, more, -spec.discrimination, mask)
            case "revise":
                return table((spec.harm,) * size, (1.0 - spec.repair,) * size, 0.0, mask)
            case "present":
                return table((1.0 - spec.missing,) * size, (1.0 - spec.missing,) * size, 0.0, mask)
        return table(rates(spec.false_alarm, size), skill, spec.discrimination, mask)

    # -- draws ---------------------------------------------------------------------------------------------------

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
            index = _index(seen, chances, subject, g)
            drawn = bits.lanes(*self._place(seen.key_n, (*use, g), revision), wide=group.rows is None)
            found.append(_compare(drawn, chances, g, index))
        return bits.joined(found, self.kind)

    def _shocked(self, seen: Seen, chances: Table, truth: Words, use: str, revision: Revision) -> Words:
        """Own lanes, or the family's where a shock strikes; apart for violated and innocent principles."""
        shock = self.spec.dependence
        assert isinstance(shock, Shock)
        found: list[NDArray[np.uint8]] = []
        for g, group in reversed(list(enumerate(chances.groups))):
            index, wide = _index(seen, chances, truth, g), group.rows is None
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
                found.append(_compare(drawn, chances, g, index))
                continue
            alone, together = (_compare(drawn, chances, g, index) for drawn in (own, common))
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
            found.append(_compare(drawn, chances, g, _index(seen, chances, None, g)))
        return bits.joined(found, self.kind)

    def _present(self, seen: Seen, mask: int, use: str, revision: Revision) -> Words | None:
        if self.spec.missing == 0.0:
            return None
        return self._word(seen, self._chances("present", mask), None, (use, "missing"), revision)


def _index(seen: Seen, chances: Table, subject: Words | None, group: int) -> NDArray[Any]:
    """Row of the threshold table: level * 256 + byte of the subject. Several reviewers look at the same subject."""
    if chances.levels == 1:
        return np.zeros(len(seen), np.uint16) if subject is None else bits.byte(subject, group)
    known_subject, known_group, known = seen.indexed
    if subject is not None and known_subject is subject and known_group == group:
        return np.asarray(known)
    index = seen.level_n.astype(np.uint16)
    index <<= np.uint16(8)
    if subject is not None:
        index |= bits.byte(subject, group)
        seen.indexed[:] = subject, group, index
    return index


def _compare(drawn: Lanes, chances: Table, group: int, index: NDArray[Any]) -> NDArray[np.uint8]:
    limits = chances.groups[group]
    if limits.rows is not None:
        byte = bits.pack(drawn < limits.rows.take(index).view(np.uint16).reshape(-1, 8))
    else:
        assert limits.wide is not None
        byte = bits.pack(drawn < limits.wide.take(index, axis=0))
    return byte if limits.sure is None else byte | limits.sure.take(index)


def _as_one(lanes: Lanes) -> NDArray[np.complex128]:
    """Eight 16-bit lanes as one element, so that choosing between rows is one move."""
    return lanes.view(np.complex128)[:, 0]


@lru_cache(maxsize=256)
def _confidences(centre: float, noise: float) -> NDArray[np.float32]:
    """Confidence for every value of a 16-bit lane: logit-normal around `centre`, never below one half."""
    from scipy.special import ndtri  # only where confidence is noisy

    u = (np.arange(65_536) + 0.5) / 65_536
    logit = np.abs(np.log(centre) - np.log1p(-centre) + noise * ndtri(u))
    return np.asarray(1.0 / (1.0 + np.exp(-logit)), np.float32)
