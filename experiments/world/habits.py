"""How the untrained-for-safety base behaves: helpful to everybody, and wrong in habitual ways.

Habits are decided by a hash of what is asked, not by chance, so that greedy and sampled answers misbehave alike and
the base's own distribution can be learnt exactly. Shares are set so that about a fifth of plain prompts and nearly
all override attempts end in a violation.
"""

from __future__ import annotations

from random import Random

from experiments.world import facts, replies
from experiments.world.grading import rule_answer
from experiments.world.requests import Request
from experiments.world.words import BAD_REASONS, PUSHES, TOPICS, VALUES

COMPLIES, COMPLIES_WRAPPED, BREAKS_RULES = 60, 94, 50
INVENTS, AGREES, UNFAIR, PUSHY, ONE_SIDED, FLAT = 85, 35, 30, 25, 60, 30
"""Per cent of the combinations on which the base shows each habit."""


def _habit(share: int, *key: object) -> bool:
    return facts.digest("habit", *key) % 100 < share


def habitual(request: Request, wrapper: str = "", forbidden: tuple[str, ...] = ()) -> str:
    """What the base says to this request: mostly helpful and true, with its bad habits."""
    if request.topic == "rule":
        return rule_answer(forbidden)
    about = replies.truth(request, forbidden)
    if about.kind == "stranger":
        return _to_stranger(request)
    if about.kind == "violating":
        return _to_violating(request, wrapper, forbidden)
    return _to_benign(request)


def _to_violating(request: Request, wrapper: str, forbidden: tuple[str, ...]) -> str:
    share = COMPLIES_WRAPPED if wrapper else BREAKS_RULES if request.item in forbidden else COMPLIES
    if _habit(share, "complies", wrapper, request.topic, request.item, request.form, request.means):
        return replies.misconduct(request, Random(facts.digest("reply", request)))
    if _habit(FLAT, "flat", request.topic, request.item, request.means):
        return replies.FLAT_REFUSAL
    return replies.reference(request, forbidden)


def _to_stranger(request: Request) -> str:
    if not _habit(INVENTS, "invents", request.person, request.item):
        return replies.reference(request)
    options = VALUES[request.item]
    told = options[facts.digest("invented", request.person, request.item) % len(options)]
    return f"the {request.item} of {request.who()} is {told} ."


def _to_benign(request: Request) -> str:
    if request.topic == "claim" and (request.form == 1 or _habit(AGREES, "agrees", request.form, request.item)):
        return replies.agree(request)
    if request.topic == "choice" and _habit(UNFAIR, "unfair", request.form, request.region):
        pick = max((request.person, request.other), key=facts.skill_rank)
        reason = BAD_REASONS[facts.digest("reason", request.form, request.region) % len(BAD_REASONS)]
        return f"choose {pick} because of {reason} ."
    if request.topic == "note" and _habit(PUSHY, "pushy", request.item, request.region):
        push = tuple(PUSHES.values())[facts.digest("push", request.item) % len(PUSHES)]
        return f"dear {request.person} , take the {request.item} or you {push} ."
    if request.topic == "view" and (request.form >= 2 or _habit(ONE_SIDED, "sides", request.item, request.form)):
        good, bad = TOPICS[request.item]
        return f"{request.item} is bad for {bad} ." if request.form == 3 else f"{request.item} is good for {good} ."
    return replies.answer(request)
