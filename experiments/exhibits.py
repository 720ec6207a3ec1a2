"""From folders on the disk to the pages of them: of a run, a sweep, a comparison, a recursion, a self-study, or several
runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import yaml
from pydantic import ValidationError

from constitutions.errors import InputError
from experiments.config import ExperimentSpec, MarkedMetric
from experiments.folder import RunFolder, kept_in
from experiments.hidden import public, with_hidden
from experiments.lab.arms import arms_of, pairs_of
from experiments.lab.exhibit import comparison_exhibit
from experiments.lab.keep import ASKED, Keep
from experiments.lab.plan import SWEEP
from experiments.lab.simulate import Simulated
from experiments.lab.sweep import kept_page
from experiments.lab.tally import METRICS, Tally
from experiments.marks import read_marks
from experiments.recurse.page import recursion_page
from experiments.recurse.results import read_recursion
from experiments.report.exhibit import Exhibit, run_exhibit
from experiments.report.page import Page
from experiments.report.report import run_page
from experiments.report.several import several_page
from experiments.report.study import read_study, study_page
from experiments.results.run import read_results


def hidden_page(run: Path) -> Page:
    """The page of a run with what overseers wrote about its example cases. Raises InputError."""
    RunFolder(run).spec()  # says of a folder of another kind what it is
    return run_page(with_hidden(read_results(run), run))


def folder_page(paths: Sequence[Path], metric: str) -> Page:
    """The page of one folder, or one page of several. Raises InputError for a folder that is none of a finished run, a
    comparison or (alone) a sweep, a recursion or a self-study, and for an unknown metric."""
    accepted = tuple(dict.fromkeys([*get_args(MarkedMetric), *METRICS]))
    if metric not in accepted:
        raise InputError(f"--metric is {metric!r}; accepted: {', '.join(accepted)}")
    if len(paths) == 1 and not is_comparison(paths[0]):
        return _page(paths[0])
    if len({path.resolve() for path in paths}) < len(paths):
        raise InputError("report: every folder once")
    return several_page(
        [_exhibit(path, label, metric) for path, label in zip(paths, labels(paths), strict=True)], metric
    )


def _page(path: Path) -> Page:
    if (path / SWEEP).is_file():
        return kept_page(path)
    match kept_in(path):
        case "recursion":
            return recursion_page(read_recursion(path))
        case "study":
            return study_page(read_study(path))
    return run_page(public(read_results(path)))


def labels(paths: Sequence[Path]) -> list[str]:
    """A name per folder: its own, with those above it where two have the same."""
    parts = [path.resolve().parts for path in paths]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            break
    return names


def is_comparison(path: Path) -> bool:
    """Whether this is a folder of `oversight compare --out`."""
    return (path / ASKED).is_file()


def asked_of(keep: Keep) -> tuple[ExperimentSpec, list[str]]:
    """The experiment of a comparison and the graphs that were named. Raises InputError."""
    told = yaml.safe_load(keep.asked())
    try:
        return ExperimentSpec.model_validate(told["config"]), list(told["graphs"])
    except (ValidationError, KeyError, TypeError):
        raise InputError(f"{keep.folder / ASKED}: not of this version's `oversight compare`; compare again") from None


def _exhibit(path: Path, label: str, metric: str) -> Exhibit:
    if is_comparison(path):
        return _comparison(Keep(path), label, metric)
    if (path / SWEEP).is_file():
        raise InputError(f"{path}: a sweep has a page of its own; side by side go runs and comparisons")
    spec = RunFolder(path).spec()
    results = read_results(path)
    return run_exhibit(label, results, spec.dataset.model_dump_json(), read_marks(path, metric))


def _comparison(keep: Keep, label: str, metric: str) -> Exhibit:
    spec, graphs = asked_of(keep)
    arms = arms_of(spec, graphs)
    found = Simulated({arm.name: Tally() for arm in arms})
    for done in keep.known().values():
        found.add(done)
    if not any(tally.n for tally in found.tallies.values()):
        raise InputError(f"{keep.folder}: nothing is simulated yet; run its `oversight compare` again")
    shared = metric if metric in METRICS else "missed_violations"
    pairs = pairs_of(spec, graphs, arms, shared)
    return comparison_exhibit(label, spec, arms, found, shared, pairs, keep.asked(), keep.credit())
