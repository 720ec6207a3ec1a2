"""How fast each check of training data is, and how often the interval of the Vendi score holds.

    python -m benchmarks.training_checks [FILE]

FILE is any set that `oversight dataset audit` reads; without one, ideal answers to 4,000 microworld prompts. CPU time
of this process, the best of 3.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from experiments.world.cases import cases
from experiments.world.oracle import Oracle
from training.checks.columns import Columns, text_of
from training.checks.contamination import contamination
from training.checks.distinct import distinct
from training.checks.drift import drifts
from training.checks.duplicates import near_duplicates
from training.checks.reading import read_set
from training.checks.self_bleu import self_bleu
from training.checks.spec import CheckSpec
from training.checks.vendi import ngram_kernel, vendi_of
from training.checks.words import keyed_sample, words

ROWS = 4_000
DRAWS = 200


def main() -> None:
    """Print rows per second, check by check, then the coverage."""
    columns = read_set(Path(sys.argv[1])) if len(sys.argv) > 1 else _world()
    spec, n = CheckSpec(), len(columns)
    texts = [f"{prompt}\n{answer}" for prompt, answer in zip(columns.prompts, columns.answers, strict=True)]
    read = [words(answer) for answer in columns.answers]
    drawn = [read[i] for i in keyed_sample(columns.answers, spec.sample)]
    held_out = [text_of(case.messages) for case in cases("test", 600, 7)]
    checks: dict[str, tuple[int, Callable[[], object]]] = {
        "near-duplicates": (n, lambda: near_duplicates(texts, columns.names, spec.duplicates)),
        "contamination, 600 prompts": (n, lambda: contamination(columns, held_out, spec.contamination)),
        "distinct-n": (n, lambda: distinct(read, spec.budget)),
        "drift": (n, lambda: drifts(columns.answers, columns.answers, paired=True)),
        f"self-BLEU, {len(drawn)} answers": (0, lambda: self_bleu(drawn)),
        f"Vendi score, {len(drawn)} answers": (0, lambda: vendi_of(ngram_kernel(drawn), "ngrams")),
    }
    print(f"{n:,} rows, {sum(map(len, read)):,} words in answers")
    for name, (rows, check) in checks.items():
        seconds = min(_cpu(check) for _ in range(3))
        print(f"{name:<28} {seconds:7.3f} s" + (f" {rows / seconds:12,.0f} rows/s" if rows else ""))
    print(f"Vendi score: intervals of {DRAWS} samples that hold the mean over samples")
    for power, length, size in ((1.5, 12, 100), (1.5, 12, 200), (2.5, 6, 200), (1.2, 8, 200)):
        print(f"Zipf {power}, {length} words, {size} answers: {_coverage(power, length, size):.1%}")


def _world() -> Columns:
    oracle, some = Oracle(), cases("supervision", ROWS, 0)
    answers = tuple(oracle.reference(case) for case in some)
    return Columns(tuple(text_of(c.messages) for c in some), answers, tuple(c.case_id for c in some))


def _cpu(check: Callable[[], object]) -> float:
    start = time.process_time()
    check()
    return time.process_time() - start


def _coverage(power: float, length: int, size: int) -> float:
    """The share of samples of answers of Zipf-distributed words whose interval holds the mean score over samples."""
    rng = np.random.default_rng(0)
    population = [tuple(f"w{i}" for i in rng.zipf(power, length)) for _ in range(6_000)]
    found = []
    for _ in range(DRAWS):
        drawn = rng.integers(0, len(population), size)
        found.append(vendi_of(ngram_kernel([population[i] for i in drawn]), "ngrams").value)
    low, value, high = np.array([[one.low, one.value, one.high] for one in found], dtype=np.float64).T
    return float(np.mean((low <= value.mean()) & (value.mean() <= high)))


if __name__ == "__main__":
    main()
