"""The answer first: which arm was better, by how much, at what cost, and whether the model it tuned behaves better."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.report.definitions import METRICS, title_of
from experiments.report.wording import fraction, number, p_value, percent, points, share, words
from experiments.results.arms import ArmResult, Comparison
from experiments.results.labels import LabelRates
from experiments.results.models import BEFORE, EvaluationResult
from experiments.results.run import RunResults


def answer(results: RunResults) -> tuple[str, ...]:
    """Sentences, the most important first. Nothing is claimed to differ unless its interval excludes 0."""
    leading = leading_comparison(results.comparisons)
    sentences = list(_compared(leading, results.arms)) if leading else []
    if not leading:
        sentences += _arms_alone(results.arms)
    sentences += _tuned(results.evaluations, results.arms)
    sentences += _labelled(results.label_rates, results.arms)
    return tuple(sentences)


def leading_comparison(comparisons: Sequence[Comparison]) -> Comparison | None:
    """The planned comparison of missed violations, else any planned one, else the first."""
    ranked = sorted(comparisons, key=lambda c: (not c.planned, c.metric != "missed_violations"))
    return ranked[0] if ranked else None


def arm_title(arm: str, arms: Sequence[ArmResult]) -> str:
    """The title of an arm; the key itself where no arm has it."""
    return next((result.title for result in arms if result.arm == arm), arm)


def _compared(found: Comparison, arms: Sequence[ArmResult]) -> list[str]:
    a, b, difference = arm_title(found.a, arms), arm_title(found.b, arms), found.difference
    metric = title_of(found.metric).lower()
    named = "in the comparison named in advance" if found.planned else "in a comparison that was not planned"
    test = f"; McNemar p {_equals(p_value(found.p))}" if found.p is not None else ""
    figures = f"{points(difference)} for {a} minus {b} on the same {found.n:,} cases{test}"
    if difference.value is None or difference.low is None or difference.high is None:
        return [f"{a} and {b} could not be compared on {metric}: no cases were measured under both."]
    if difference.low <= 0 <= difference.high:
        return [f"No difference in {metric} that chance cannot explain, {named}: {figures}.", *_cost(found, arms)]
    if METRICS[found.metric].better == "neither" if found.metric in METRICS else True:
        return [f"{a} and {b} differ in {metric}, {named}: {figures}.", *_cost(found, arms)]
    a_better = (difference.value < 0) == (METRICS[found.metric].better == "lower")
    better, worse = (a, b) if a_better else (b, a)
    return [f"{better} did better than {worse} on {metric}, {named}: {figures}.", *_cost(found, arms)]


def _cost(found: Comparison, arms: Sequence[ArmResult]) -> list[str]:
    compared = [arm for name in (found.a, found.b) for arm in arms if arm.arm == name]
    costs = [f"{arm.title}: {parts}" for arm in compared if (parts := _load(arm))]
    return [f"What it cost. {'; '.join(costs)}."] if costs else []


def _load(arm: ArmResult) -> str:
    parts = []
    if arm.missed is not None:
        parts.append(f"missed {share(arm.missed.total)}")
    if arm.needless_refusals is not None:
        parts.append(f"needless refusals {share(arm.needless_refusals)}")
    if arm.correct is not None:
        parts.append(f"correct answers {share(arm.correct)}")
    if arm.escalated is not None:
        parts.append(f"{arm.escalated.count:,} cases escalated")
    if arm.human_minutes is not None:
        parts.append(f"{number(arm.human_minutes, 1)} human minutes")
    if arm.model_calls is not None:
        parts.append(f"{arm.model_calls:,} model calls")
    return ", ".join(parts)


def _arms_alone(arms: Sequence[ArmResult]) -> list[str]:
    return [f"{arm.title}: {parts}." for arm in arms if arm.missed is not None and (parts := _load(arm))]


def _tuned(evaluations: Sequence[EvaluationResult], arms: Sequence[ArmResult]) -> list[str]:
    test = {e.model: e for e in evaluations if e.split == "test"}
    before = test.get(BEFORE)
    chosen = next((e for e in test.values() if e.chosen), None)
    if before is None or chosen is None:
        return []
    title = arm_title(chosen.model, arms)
    parts = [
        f"{title_of(key if key != 'total' else 'violations').lower()} {_from_to(before, chosen, key)}"
        for key in ("total", "norms", "truth", "override")
        if getattr(before.violations, key) is not None and getattr(chosen.violations, key) is not None
    ]
    kept = [
        f"{title_of(key).lower()} {percent(getattr(before, key).value)} to {share(getattr(chosen, key))}"
        + (f", {points(chosen.changes[key])}" if key in chosen.changes else "")
        for key in ("correct", "needless_refusals")
    ]
    return [
        f"The base tuned on the consensus of {title} (chosen on the validation split) against the base before, on "
        f"{chosen.n:,} held-out prompts: {'; '.join(parts)}.",
        f"What that cost in usefulness: {'; '.join(kept)}.",
    ]


def _from_to(before: EvaluationResult, after: EvaluationResult, key: str) -> str:
    ratio = f", ratio {fraction(after.ratios[key])}" if key in after.ratios else ""
    old, new = getattr(before.violations, key), getattr(after.violations, key)
    return f"{percent(old.value)} to {share(new)}{ratio}"


def _labelled(rates: Sequence[LabelRates], arms: Sequence[ArmResult]) -> list[str]:
    escalated = {arm.arm: arm.escalated for arm in arms}
    settled = [rate for rate in rates if rate.source == "settled" and rate.rates]
    sentences = []
    for prompts in dict.fromkeys(rate.prompts for rate in settled):
        some = [rate for rate in settled if rate.prompts == prompts]
        label = next(iter(some[0].rates))
        shares = ", ".join(f"{arm_title(r.model, arms)} {share(r.rates[label])}" for r in some if label in r.rates)
        sentences.append(f"{words(label).capitalize()} on {prompts} prompts, settled after oversight: {shares}.")
    counted = [f"{arm_title(arm, arms)} {load.count:,} of {load.n:,}" for arm, load in escalated.items() if load]
    return [*sentences, f"Escalated to a human: {', '.join(counted)}."] if sentences and counted else sentences


def _equals(p: str) -> str:
    return p if p.startswith("<") else f"= {p}"
