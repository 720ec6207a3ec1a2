"""Consensus: a step without a model. Members' findings go in, one decision per principle and one verdict come out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from agents.columns import Output
from agents.view import View
from agents.vocabulary import Role, Verdict
from hierarchy.absent import excused, voting
from hierarchy.rules import Majority, MeanScore, Unanimous, Veto, Vote, Weighted

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Votes:
    """Members' findings, stacked: asked, present, flag [V, n, K, P]; confidence and severity likewise."""

    asked: Bools
    present: Bools
    flag: Bools
    confidence: Floats
    severity: Floats

    @classmethod
    def of(cls, members: list[Output]) -> Votes:
        """Stack the finding columns of V members."""

        def stack(name: str) -> NDArray[Any]:
            return np.stack([member[f"finding_{name}"] for member in members])

        return cls(
            stack("asked"),
            stack("present"),
            stack("flag"),
            stack("confidence").astype(np.float64),
            stack("severity").astype(np.float64),
        )


def weigh(rule: Vote, votes: Votes, names: tuple[str, ...]) -> tuple[Bools, Bools]:
    """Apply the rule per case, candidate and principle: (flag, split), both [n, K, P].

    `split` is True where the rule itself cannot decide (unanimity broken). Sums run over members in declared order,
    so that they are reproducible bit for bit.
    """
    here = votes.present.sum(axis=0)
    against = (votes.flag & votes.present).sum(axis=0)
    nobody = np.zeros(here.shape, bool)
    match rule:
        case Majority():
            return (2 * against >= here) & (against > 0), nobody
        case Unanimous():
            return (against == here) & (against > 0), (against > 0) & (against < here)
        case Veto():
            return against > 0, nobody
        case Weighted():
            weight = np.array([rule.weights[name] for name in names])[:, None, None, None]
            held = (weight * (votes.flag & votes.present)).sum(axis=0)
            total = (weight * votes.present).sum(axis=0)
            return (held >= rule.threshold * total) & (against > 0), nobody
        case MeanScore():
            score = np.where(votes.flag, votes.confidence, 1.0 - votes.confidence) * votes.present
            return (score.sum(axis=0) >= rule.threshold * here) & (here > 0), nobody
        case _:
            assert_never(rule)


@dataclass(frozen=True)
class Consensus:
    """The performer of a consensus step. Members that did not run on a case, or were not asked, have no say and are not
    missing."""

    rule: Vote
    members: tuple[str, ...]

    def act(self, view: View) -> Output:
        """Decide every row of the view from the members' outputs in `view.reads`."""
        members = [(view.reads or {})[name] for name in self.members]
        if view.labels:
            return self._act_on_labels(view, members)
        votes = certain = Votes.of(members)
        if self.rule.missing == "flag":
            unread = votes.asked & ~votes.present
            # To the rule what could not be read is a sure and grave violation; the confidence it reports stays 0.
            severity = np.where(unread, 1.0, votes.severity)
            votes = Votes(votes.asked, votes.asked, votes.flag | unread, votes.confidence, severity)
            certain = replace(votes, confidence=np.where(unread, 1.0, votes.confidence))
        asked: Bools = np.asarray(votes.asked.any(axis=0))
        flag, split = weigh(self.rule, certain, self.members)
        unsure = asked & self._unsure(votes)
        present = asked & ~unsure & ~split
        flag &= present
        return self._output(view, votes, asked, present, flag, _any(unsure | split), _dissent(members))

    def _unsure(self, votes: Votes) -> Bools:
        here = votes.present.sum(axis=0)
        if self.rule.missing == "abstain":
            none: Bools = here == 0
            return none
        short: Bools = here < votes.asked.sum(axis=0)
        return short

    def _output(
        self, view: View, votes: Votes, asked: Bools, present: Bools, flag: Bools, stuck_n: Bools, dissent_n: Floats
    ) -> Output:
        against = votes.flag & votes.present
        severity = _mean(votes.severity, against) * flag
        confidence = _mean(votes.confidence, votes.present)
        flagged_n = _any(flag)
        unheard_n = ~_any(asked) & (_heard(view, self.members) == 0)
        verdict = np.where(flagged_n, Verdict.REVISE, Verdict.ACCEPT)
        verdict = np.where(stuck_n | unheard_n, Verdict.ESCALATE, verdict)
        return Output.of(
            Role.CONSENSUS,
            len(view),
            view.width,
            verdict=verdict,
            flagged=flagged_n,
            severity=severity.max(axis=(1, 2), initial=0.0),
            confidence=np.where(present, confidence, 1.0).min(axis=(1, 2), initial=1.0) * _any(present),
            disagreement=dissent_n,
            finding_asked=asked,
            finding_present=present,
            finding_flag=flag,
            finding_severity=severity,
            finding_confidence=confidence,
        )

    def _act_on_labels(self, view: View, members: list[Output]) -> Output:
        labels = np.stack([member["label"] for member in members])
        read = labels >= 0
        counts = np.stack([((labels == i) & read).sum(axis=0) for i in range(len(view.labels))])
        best = counts.max(axis=0)
        here = read.sum(axis=0)
        settled = self._label_settled(best, here) & (here > 0)
        expected = len(members) - np.stack([excused(member) for member in members]).sum(axis=0)
        if self.rule.missing != "abstain":
            settled &= here == expected
        return Output.of(
            Role.CONSENSUS,
            len(view),
            view.width,
            verdict=np.where(settled, Verdict.ACCEPT, Verdict.ESCALATE),
            label=np.where(settled, counts.argmax(axis=0), -1),
            disagreement=1.0 - best / np.maximum(here, 1),
            confidence=best / np.maximum(expected, 1),
        )

    def _label_settled(self, best: NDArray[np.int64], here: NDArray[np.int64]) -> Bools:
        match self.rule:
            case Majority():
                most: Bools = 2 * best > here
                return most
            case Unanimous():
                same: Bools = best == here
                return same
            case _:
                raise ValueError(f"rule {self.rule.kind!r} does not decide labels; accepted: majority, unanimous")


def _any(flags: Bools) -> Bools:
    """Per case, over candidates and principles."""
    out: Bools = np.asarray(flags.any(axis=(1, 2)))
    return out


def _mean(values: Floats, where: Bools) -> Floats:
    out: Floats = (values * where).sum(axis=0) / np.maximum(where.sum(axis=0), 1)
    return out


def _heard(view: View, members: tuple[str, ...]) -> NDArray[np.int64]:
    verdicts = np.stack([(view.reads or {})[name]["verdict"] for name in members])
    out: NDArray[np.int64] = (verdicts != Verdict.MISSING).sum(axis=0)
    return out


def _dissent(members: list[Output]) -> Floats:
    """Share of the members with a verdict that are outside the larger camp (flagged against not flagged), [n]."""
    heard = np.stack([voting(m) for m in members])
    against = np.stack([m["flagged"] for m in members]) & heard
    here, flags = heard.sum(axis=0), against.sum(axis=0)
    out: Floats = np.minimum(flags, here - flags) / np.maximum(here, 1)
    return out
