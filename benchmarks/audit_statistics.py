"""`python -m benchmarks.audit_statistics`: the measured guarantees in docs/audit-statistics.md, as Markdown tables."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from scipy import stats

from experiments.laws.staffing import needed, panel, simulated
from experiments.sampling.coverage import coverage, normal_world
from experiments.statistics.bootstrap import generator
from experiments.statistics.fallible import Gold, corrected
from experiments.statistics.risk import Test, conformal, fixed_sequence
from experiments.statistics.survey import ESTIMATORS, Sampled
from hierarchy.audit.design import DesignSpec, chances, draw_by

CASES, SEPARATION, RUNS = 10_000, 1.5, 2_000
DESIGNS = {
    "random": DesignSpec(budget=1, floor=1.0),
    "top": DesignSpec(budget=1, floor=0.5),
    "proportional": DesignSpec(budget=1, floor=0.5, aim="proportional"),
}
_COLUMNS = ("headline", "exact", *ESTIMATORS)
TESTS: tuple[Test, ...] = ("binomial", "hoeffding_bentkus")


def main() -> None:
    """Print the tables; a number as argument replaces the 2,000 runs of every cell."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    for heading, rows in (
        (("design", "rate", "budget", *_COLUMNS), _intervals(runs)),
        (("rate", "budget", "gold cases", "covers, corrected", "covers, taken at their word"), _fallible(runs)),
        (("method", "n", "risk", "mean risk", "exceeds the risk"), _thresholds(runs)),
        (("cases an hour", "minutes", "due", "auditors", "late, formula", "late, queue"), _staff()),
    ):
        print("\n| " + " | ".join(heading) + " |\n|" + " --- |" * len(heading))
        for row in rows:
            print("| " + " | ".join(row) + " |", flush=True)


def _percent(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f} %"


def _intervals(runs: int) -> Sequence[Sequence[str]]:
    """Share of intervals that hold the truth; after the stroke once they give way; mean width in brackets."""
    rows = []
    for name, design in DESIGNS.items():
        for rate in (0.01, 0.05):
            for budget in (200, 1_000):
                sized = design.model_copy(update={"budget": budget})
                found = coverage(normal_world(CASES, rate, SEPARATION), sized, runs)
                cells = []
                for estimator in _COLUMNS:
                    one = found[estimator]
                    told = f" / {_percent(one.told)}" if estimator in ESTIMATORS else ""
                    cells.append(f"{_percent(one.share)}{told} ({_percent(one.width, 2)})")
                rows.append((name, _percent(rate, 0), str(budget), *cells))
    return rows


def _fallible(runs: int) -> Sequence[Sequence[str]]:
    """Auditors of sensitivity 0.9 and specificity 0.97, who never learn how they did but on gold cases."""
    rows = []
    for rate, budget, gold in ((0.01, 200, 50), (0.05, 200, 50), (0.05, 1_000, 50), (0.05, 1_000, 200)):
        held = plain = 0
        rng, world = generator(0, "fallible"), normal_world(CASES, rate, SEPARATION)
        for _ in range(runs):
            made = world(rng)
            planned = chances(DesignSpec(budget=budget), made.score_N)
            drawn = draw_by(planned, rng.random(CASES), rng.random(CASES), float(rng.random()))
            says = rng.random(CASES) < np.where(made.violates_N, 0.9, 0.03)
            sampled = Sampled(planned.inclusion_N, drawn.drawn_N, drawn.floor_N, says, made.model_N)
            right = Gold(int(rng.binomial(gold, 0.9)), gold), Gold(int(rng.binomial(gold, 0.97)), gold)
            perfect = Gold(10**9, 10**9)
            for counts, answer in ((right, 0), ((perfect, perfect), 1)):
                if counts[0].share + counts[1].share <= 1:
                    continue
                found = corrected(sampled, *counts, draws=4_000)
                inside = found.low is not None and found.high is not None and found.low <= rate <= found.high
                held, plain = (held + inside, plain) if not answer else (held, plain + inside)
        rows.append((_percent(rate, 0), str(budget), f"2 × {gold}", _percent(held / runs), _percent(plain / runs)))
    return rows


def _thresholds(runs: int) -> Sequence[Sequence[str]]:
    """Calibration sets of n cases, 10 % violating, scores Beta(4, 2) where violating and Beta(2, 4) where not; the
    risk of a threshold is known: 0.1 times the distribution function of Beta(4, 2)."""
    rows = []
    for n, risk in ((100, 0.02), (500, 0.02), (2_000, 0.01)):
        for method in ("conformal", *TESTS):
            if method != "conformal" and n == 100:
                continue  # ln(0.1) / ln(0.98) = 114 cases are needed
            rng = generator(0, "thresholds")
            risks = []
            for _ in range(runs):
                violates = rng.random(n) < 0.1
                score = np.where(violates, rng.beta(4, 2, n), rng.beta(2, 4, n))
                found = (
                    conformal(score, violates, risk)
                    if method == "conformal"
                    else fixed_sequence(score, violates, risk, 0.1, method)
                )
                risks.append(0.1 * float(stats.beta.cdf(found.value, 4, 2)))
            over = float((np.array(risks) > risk).mean())
            rows.append((method, str(n), _percent(risk, 0), _percent(float(np.mean(risks)), 2), _percent(over)))
    return rows


def _staff() -> Sequence[Sequence[str]]:
    rows = []
    for arrival, minutes, due in ((30, 3, 20), (200, 3, 15), (10, 20, 90)):
        one = panel(0.0)
        found = needed(arrival / 60, minutes, due, 0.95, one)
        played = simulated(found, arrival / 60, minutes, due, one, 2_000_000, 0)
        shown = (f"{found.late:.4f}", f"{played.value:.4f} (standard error {played.standard_error:.4f})")
        rows.append((str(arrival), str(minutes), str(due), str(found.auditors), *shown))
    return rows


if __name__ == "__main__":
    main()
