"""What a simulated agent does to words of bits. Every draw is a function of the case's key and a stream alone.

Shapes: n cases; a word has bit p set where principle p is violated (in a response) or flagged (in a verdict).
A revision number is one for all cases, or one per case [n].
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from agents import rng
from agents.simulated import lanes as bits
from agents.simulated.arguing import Arguing, Places
from agents.simulated.lanes import Words
from agents.simulated.marks import bare, has_marks, lost, marked, sure
from agents.simulated.spec import Shock, rates
from agents.simulated.streams import Revision, Seen
from agents.simulated.tables import Table, shifted, table
from agents.vocabulary import Side


@dataclass(frozen=True)
class Reading:
    """A reviewer's verdicts: flag and present words [n]; present None where every principle asked could be read."""

    flag_n: Words
    present_n: Words | None = None


@dataclass(frozen=True)
class Draws(Arguing):
    """A simulated agent, in any role."""

    _kept: dict[tuple[str, int], Table] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def everything(self) -> int:
        """The mask of all principles."""
        return (1 << self.principles) - 1

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
        self,
        seen: Seen,
        truth: Words,
        mask: int,
        revision: Revision,
        use: str = "review",
        candidate: int = 0,
        side: Side | None = None,
    ) -> Reading:
        """Verdicts on the principles of `mask`; with a side, its claims."""
        use = f"{use} {candidate}" if candidate else use
        spec, answer, truth = self.spec, truth, bare(truth, self.principles)
        if side is not None:
            word = np.full(len(seen), mask if side is Side.PROSECUTION else 0, self.kind)
        elif spec.family is None or spec.dependence is None:
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

    def pleads(
        self, key_n: rng.Keys, truth: Words, places: Places, revision: Revision, side: Side, candidate: int = 0
    ) -> NDArray[np.float32]:
        """How strong a case it makes for its side on every principle of `places`, [n, P]."""
        broken = bare(truth, self.principles)
        true = broken if side is Side.PROSECUTION else ~broken
        return self.strengths(key_n, true, places, revision, (side.value, candidate))

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

    def _present(self, seen: Seen, mask: int, use: str, revision: Revision) -> Words | None:
        if self.spec.missing == 0.0:
            return None
        return self._word(seen, self._chances("present", mask), None, (use, "missing"), revision)


@lru_cache(maxsize=256)
def _confidences(centre: float, noise: float) -> NDArray[np.float32]:
    """Confidence for every value of a 16-bit lane: logit-normal around `centre`, never below one half."""
    from scipy.special import ndtri  # only where confidence is noisy

    u = (np.arange(65_536) + 0.5) / 65_536
    logit = np.abs(np.log(centre) - np.log1p(-centre) + noise * ndtri(u))
    return np.asarray(1.0 / (1.0 + np.exp(-logit)), np.float32)
