"""The report of a run: one HTML page that needs no network, with the answer first and every number with its interval.

A section is a template and a condition; `parts` is the whole table of contents, so a new kind of result is one line
there, one template, and what the template needs in `_context`. Everything printed goes through `visible` and
autoescape; scripts run only if their hash is in the page's content security policy.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from experiments.report import charts, columns, measure_charts, wording
from experiments.report.answer import answer, arm_title
from experiments.report.charts import Chart
from experiments.report.data import run_data
from experiments.report.definitions import INTERVALS, METRICS, title_of
from experiments.report.drawings import Picture, drawings
from experiments.report.page import Page
from experiments.report.training_context import drift_chart, training_context
from experiments.report.training_data import training_tables
from experiments.results.arms import Comparison
from experiments.results.figures import Difference
from experiments.results.labels import LabelRates
from experiments.results.models import EvaluationResult
from experiments.results.run import RunResults
from hierarchy.audit.safe_text import visible

REPORT_FILE = "report.html"
HIDDEN_REPORT_FILE = "report-hidden.html"
_TEMPLATES = "templates"


@dataclass(frozen=True, slots=True)
class Part:
    """A section of the page: its anchor, heading and template."""

    id: str
    title: str
    template: str


def render_report(results: RunResults, path: Path, pictures: Picture | None = None) -> Path:
    """Write the page to `path` (atomically), the data behind it into `data/` beside it, and return it. The same
    results give the same bytes. With `pictures`, every figure is also a file in `figures/`."""
    return run_page(results).write(path, pictures)


def report_html(results: RunResults) -> str:
    """The page as text. About 5 MB with charts, most of it the plotting library."""
    return run_page(results).html


def run_page(results: RunResults) -> Page:
    """The page of a run, with its data and figures."""
    template = environment(lambda arm: arm_title(arm, results.arms)).get_template("report.html.j2")
    figures = _figures(results)
    html = template.render(_context(results, figures)) + "\n"
    return Page(
        html,
        run_data(results) | training_tables(results.training_data),
        tuple(_charts(figures.values())),
        drawings(results.arms),
    )


def _charts(figures: Iterable[Any]) -> Iterator[Chart]:
    """Every chart, in the order of the page, however the templates take them."""
    for figure in figures:
        if isinstance(figure, Chart):
            yield figure
        elif isinstance(figure, list | tuple):
            yield from _charts(figure)


def parts(results: RunResults) -> tuple[Part, ...]:
    """The sections this run has something to say in, in order."""
    arms = results.arms
    scored = bool(columns.filled_arm_columns(columns.ARM_COLUMNS, arms))
    chosen = (
        (bool(arms), "topologies", "Topologies"),
        (scored, "arms", "What reached the user"),
        (bool(results.comparisons or results.gaps), "comparisons", "Comparisons on the same cases"),
        (bool(results.label_rates), "labels", "Compliance and refusal"),
        (bool(results.raters), "raters", "Agreement of the raters"),
        (bool(results.residuals), "residuals", "What people did not look at"),
        (results.front is not None, "front", "What no other arm beats"),
        (bool(results.credit), "credit", "What each overseer adds"),
        (any(arm.outcomes for arm in arms), "outcomes", "How cases ended"),
        (bool(arms), "load", "Audit load and cost"),
        (any(arm.agreement or arm.calibration or arm.judges for arm in arms), "reviewers", "The reviewers"),
        (any(arm.budgets for arm in arms), "budgets", "Safety and usefulness by audit budget"),
        (bool(results.evaluations), "evaluations", "The base before and after tuning"),
        (bool(results.training_data), "training_data", "Training data"),
        (bool(results.training), "training", "Training"),
        (results.ladder is not None, "ladder", "The critics alone"),
        (bool(results.crew), "crew", "Crew"),
        (bool(results.transcripts), "transcripts", "Example transcripts"),
        (True, "reproduce", "How to reproduce this"),
        (True, "definitions", "What is counted"),
    )
    return tuple(Part(id_, title, f"{id_}.html.j2") for present, id_, title in chosen if present)


def _figures(results: RunResults) -> dict[str, Any]:
    """The charts that the templates take by name: one, a list, or pairs with what they show."""
    titles = {arm.arm: arm.title for arm in results.arms}
    test = [model for model in results.evaluations if model.split == "test"] or list(results.evaluations)
    return {
        "missed": charts.missed_chart(results.arms),
        "outcomes": charts.outcome_chart(results.arms),
        "model_charts": charts.before_after_charts(test, titles | {"before": "Before"}),
        "label_figures": charts.label_charts(results.label_rates, titles),
        "drift_figure": drift_chart(results.training_data, titles),
        "loss_figures": charts.loss_charts(results.training, titles),
        "correlation": charts.correlation_chart(results.ladder) if results.ladder else None,
        "front_figures": measure_charts.front_charts(results),
        "budget_figures": measure_charts.budget_charts(results.arms),
        "credits": [(one, measure_charts.credit_chart(i, one)) for i, one in enumerate(results.credit)],
    }


def _context(results: RunResults, figures: dict[str, Any]) -> dict[str, Any]:
    library, script, hashes = script_parts()
    return (
        figures
        | _measured(results)
        | training_context(results.training_data, {arm.arm: arm.title for arm in results.arms})
        | {
            "results": results,
            "answer": answer(results),
            "hidden_shown": any(transcript.hidden for transcript in results.transcripts),
            "parts": parts(results),
            "drawings": drawings(results.arms),
            "arm_columns": columns.filled_arm_columns(columns.ARM_COLUMNS, results.arms),
            "load_columns": columns.filled_arm_columns(columns.LOAD_COLUMNS, results.arms),
            "arm_principles": columns.principle_names([arm.missed for arm in results.arms]),
            "outcome_names": list(dict.fromkeys(name for arm in results.arms for name in arm.outcomes)),
            "model_columns": columns.filled_model_columns(results.evaluations),
            "splits": _splits(results.evaluations),
            "label_tables": _label_tables(results.label_rates),
            "methods": list(dict.fromkeys(c.method for c in results.comparisons)),
            "metrics": METRICS,
            "intervals": INTERVALS,
            "has_charts": any(figures.values()),
            "plotly": library,
            "script": script,
            "script_hashes": Markup(hashes),
        }
    )


def _measured(results: RunResults) -> dict[str, Any]:
    """What the sections about measures need: the arms that have them, and the columns that some arm fills."""
    arms = results.arms
    return {
        "kept": any(arm.helpfulness_kept is not None for arm in arms),
        "cost_columns": columns.filled_costs(arms),
        "currency": next((arm.currency for arm in arms if arm.currency), ""),
        "agreeing": [arm for arm in arms if arm.agreement is not None],
        "calibrated": [arm for arm in arms if arm.calibration],
        "judged": [arm for arm in arms if arm.judges],
        "budgeted": [arm for arm in arms if arm.budgets],
        "front_figure": measure_charts.front_figure,
    }


def environment(title_of_arm: Callable[[str], str]) -> Environment:
    """The templates, with their filters; `title_of_arm` gives an arm's title by its name."""
    made = Environment(
        loader=PackageLoader("experiments.report", _TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "percent": wording.percent,
        "interval": wording.interval,
        "number": wording.number,
        "p_value": wording.p_value,
        "duration": wording.duration,
        "title_of": title_of,
        "arrow": lambda metric: {"lower": "\u00a0↓", "higher": "\u00a0↑"}.get(METRICS[metric].better, ""),
        "arm_title": lambda arm: "Before" if arm == "before" else title_of_arm(arm),
        "words": wording.words,
        "slug": lambda word: re.sub(r"[^a-z]", "", word),
        "metric_of_ratio": lambda key: title_of("violations" if key == "total" else key),
        "signed_points": lambda difference: wording.points(difference).split(" (")[0],
        "difference_value": _difference_value,
        "difference_interval": _difference_interval,
        "figure_json": _figure_json,
    }
    made.filters.update(filters)
    made.globals["css"] = _asset("report.css")
    return made


def _shown(value: Any) -> Any:
    """Jinja's last word on everything printed: unseen characters become visible; escaping follows."""
    return visible(value, lines=True) if isinstance(value, str) and not isinstance(value, Markup) else value


def _is_share(comparison: Comparison) -> bool:
    return comparison.only_a is not None


def _difference_value(comparison: Comparison) -> str:
    difference: Difference = comparison.difference
    if _is_share(comparison):
        return wording.points(difference).split(" (")[0]
    return wording.number(difference.value, 2)


def _difference_interval(comparison: Comparison) -> str:
    return wording.interval(comparison.difference, *((100, 1) if _is_share(comparison) else (1, 2)))


def _figure_json(chart: Chart) -> Markup:
    text = json.dumps({"data": chart.data, "layout": chart.layout}, ensure_ascii=True, allow_nan=False)
    for character in "<>&":  # Inside a script element only these could end it or start a comment.
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _splits(models: Sequence[EvaluationResult]) -> list[dict[str, Any]]:
    splits = []
    for name in ("test", "validation"):
        some = [model for model in models if model.split == name]
        if some:
            rates = [model.violations for model in some]
            splits.append(
                {
                    "name": name,
                    "n": max(model.n for model in some),
                    "models": some,
                    "changed": [model for model in some if model.ratios or model.changes],
                    "ratio_names": list(dict.fromkeys(key for model in some for key in model.ratios)),
                    "change_names": list(dict.fromkeys(key for model in some for key in model.changes)),
                    "principles": columns.principle_names(rates),
                }
            )
    return splits


def _label_tables(rates: Sequence[LabelRates]) -> list[dict[str, Any]]:
    tables = []
    for prompts in dict.fromkeys(rate.prompts for rate in rates):
        rows = [rate for rate in rates if rate.prompts == prompts]
        labels = list(dict.fromkeys(label for row in rows for label in row.rates))
        tables.append({"prompts": prompts, "rows": rows, "labels": labels})
    return tables


@cache
def script_parts() -> tuple[str, str, str]:
    """The plotting library, the page's script, and the hashes that allow both to run."""
    from plotly.offline import get_plotlyjs  # Reading five megabytes; only a report needs them.

    library, script = _embeddable(get_plotlyjs()), _asset("report.js")
    sources = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (library, script))
    return library, script, " ".join(f"'sha256-{source}'" for source in sources)


def _embeddable(script: str) -> str:
    """JavaScript that HTML can hold: nothing in it ends the element, and no line end is one that HTML changes."""
    return re.sub(r"<(?=/script|script|!--)", r"\\x3c", script.replace("\r\n", "\n").replace("\r", "\n"), flags=re.I)


def _asset(name: str) -> str:
    return (files("experiments.report") / _TEMPLATES / name).read_text(encoding="utf-8")
