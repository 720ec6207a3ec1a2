"""What one case, dispute, proposal or critique shows to the person who holds it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from constitutions.principle import Principle
from experiments.audit.diff import Part, word_diff
from experiments.audit.keys import KEYS, MOST_MARKED, WRITING, Key
from experiments.audit.page.forms import Lane, lane_of
from experiments.audit.page.site import Site
from experiments.audit.page.who import Signed
from hierarchy.audit.desk import Appealed, Last, Progress
from hierarchy.audit.reading import Given
from hierarchy.audit.records import Claim, Item


@dataclass(frozen=True, slots=True)
class Rule:
    """A principle beside the case: its id, its text where the run's constitutions have it, the digit that marks it."""

    id: str
    principle: Principle | None
    digit: int | None


@dataclass(frozen=True, slots=True)
class Draft:
    """What is in the form when it is shown: empty, or what this person had written before."""

    text: str
    comment: str = ""
    label: str = ""
    verdict: str = ""
    principles: tuple[str, ...] = ()
    kept: bool = False


@dataclass(frozen=True, slots=True)
class CaseView:
    """A claimed item as the page shows it.

    Attributes:
        left: seconds until the lease ends; due: seconds until the policy answers the case, None: never; waits: seconds
            it has waited; over: why nothing can be decided any more, where that is so.
        reviews: what models found, None where it is withheld or there is nothing; withheld: it is there, and the step
            hides it; earlier: decisions that may be seen (in a dispute the reviewers', in an appeal the one appealed
            against); appealed: why the case waits again.
        change: parts of the draft's text against the response.
    """

    claim: Claim
    lane: Lane
    left: float
    due: float | None
    waits: float
    rules: tuple[Rule, ...]
    reviews: Sequence[Mapping[str, Any]] | None
    withheld: bool
    earlier: Sequence[Given]
    appealed: Appealed | None
    draft: Draft
    change: Sequence[Part]
    over: str | None = None

    @property
    def item(self) -> Item:
        """The item."""
        return self.claim.item

    @property
    def response(self) -> str | None:
        """The response under review; None where the run has no text."""
        found = self.item.payload.get("response")
        return None if found is None else str(found)

    @property
    def labels(self) -> Sequence[str]:
        """The labels to choose from; none in most graphs."""
        return tuple(map(str, self.item.payload.get("labels", ())))


def case_view(site: Site, claim: Claim, now: float, over: str | None = None) -> CaseView:
    """The view of a claim of this run."""
    item = claim.item
    response = item.payload.get("response")
    draft = _draft(claim)
    reviews = (item.hidden or {}).get("reviews")
    appealed = site.queue.desk.appealed(item)
    return CaseView(
        claim=claim,
        lane=lane_of(claim),
        left=max(0.0, claim.expires_at - now),
        due=None if math.isinf(item.due_at) else item.due_at - now,
        waits=now - item.enqueued_at,
        rules=_rules(site, item),
        reviews=reviews,
        withheld=item.hide_model and item.hidden is None,
        earlier=_earlier(site, claim, appealed),
        appealed=appealed,
        draft=draft,
        change=changed(response, draft.text),
        over=over,
    )


def changed(response: object, text: str) -> list[Part]:
    """What a revision changes of the response."""
    return word_diff("" if response is None else str(response), text)


def _draft(claim: Claim) -> Draft:
    """The form's content: the draft, else the response to start a revision from."""
    kept = claim.draft or {}
    response = str(claim.item.payload.get("response") or "")
    return Draft(
        text=str(kept.get("text") or response),
        comment=str(kept.get("comment") or ""),
        label=str(kept.get("label") or ""),
        verdict=str(kept.get("verdict") or ""),
        principles=tuple(map(str, kept.get("principles") or ())),
        kept=bool(kept),
    )


def _rules(site: Site, item: Item) -> tuple[Rule, ...]:
    names = [str(name) for name in item.payload.get("principles", ())]
    return tuple(
        Rule(name, site.principles.get(name), n if n <= MOST_MARKED else None) for n, name in enumerate(names, start=1)
    )


def _earlier(site: Site, claim: Claim, appealed: Appealed | None) -> Sequence[Given]:
    """Decisions that this person may see. A gold case has none, and looks like a case that nobody decided."""
    if claim.item.epoch and appealed is not None:
        before = replace(claim.item.key, epoch=claim.item.epoch - 1)
        return site.queue.decisions(before, claim.auditor)
    return [one for one in site.queue.decisions(claim.item.key, claim.auditor) if one.decision.auditor != claim.auditor]


@dataclass(frozen=True, slots=True)
class Desktop:
    """What stands around a case: the lanes with what is left in each, how far the person is, what can be undone."""

    signed: Signed
    lane: Lane
    left: Mapping[Lane, int]
    progress: Progress
    last: Last | None
    keys: tuple[Key, ...] = KEYS
    writing: tuple[Key, ...] = WRITING

    @property
    def minutes(self) -> float | None:
        """About how long the lane will keep them, at their pace; None where nobody knows yet."""
        return None if self.progress.pace is None else self.progress.pace * self.progress.left


def desktop(site: Site, signed: Signed, lane: Lane) -> Desktop:
    """What stands around a case of this lane."""
    desk = site.queue.desk
    progress = desk.progress(signed.name, lane.kind, disputed=lane is Lane.DISPUTES)
    lanes = [one for one in Lane if one is not Lane.DISPUTES or signed.judges]
    left = {one: progress.everywhere[one.kind, one is Lane.DISPUTES] for one in lanes}
    return Desktop(signed, lane, left, progress, desk.last(signed.name))
