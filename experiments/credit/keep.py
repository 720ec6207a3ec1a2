"""Credit that a run keeps: in its results and on its page, for as long as its records stay the same."""

from __future__ import annotations

from collections.abc import Sequence

from constitutions.errors import InputError
from experiments.folder import RunFolder
from experiments.report.report import render_report
from experiments.results.figures import CreditResult
from experiments.results.run import RunResults, read_results, write_results


def kept_credit(folder: RunFolder, digest: str) -> tuple[CreditResult, ...]:
    """What was computed before from the same records; nothing where records changed or there are no such results."""
    try:
        old = read_results(folder.path)
    except InputError:
        return ()
    return old.credit if old.digest == digest else ()


def add_credit(folder: RunFolder, found: Sequence[CreditResult]) -> RunResults:
    """Put credit into the run's results and on its page, in place of what is there for the same arms and metrics."""
    results = read_results(folder.path)
    merged = {(one.arm, one.metric): one for one in (*results.credit, *found)}
    order = [arm.arm for arm in results.arms]
    credit = tuple(sorted(merged.values(), key=lambda one: (one.metric, order.index(one.arm))))
    results = results.model_copy(update={"credit": credit})
    write_results(results, folder.path)
    render_report(results, folder.report)
    return results
