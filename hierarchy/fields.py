"""The fields a condition may name on a step's output, and the columns behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.columns import Output
from agents.view import Cases
from agents.vocabulary import RESPONDERS, REVIEWERS, Role, Verdict
from constitutions.predicate import Kind

VERDICT_TEXT = np.array([verdict.name.lower() for verdict in Verdict], dtype=object)
_REVIEW: dict[str, Kind] = {
    "verdict": "text",
    "missing": "flag",
    "flagged": "flag",
    "severity": "number",
    "confidence": "number",
    "uncertainty": "number",
    "suspicion": "number",
    "flags": "number",
}
_CASE: dict[str, Kind] = {"case.tags": "tags", "case.region": "text", "case.role": "text", "round": "number"}


@lru_cache(maxsize=256)
def kinds(role: Role, principles: tuple[str, ...], labels: bool) -> Mapping[str, Kind]:
    """Every field a condition on this role's output may name, with its kind.

    `flag.ID` is whether principle ID was judged violated, `severity.ID` how severely; `flags` is how many
    principles were; `suspicion` is the largest probability of a violation over principles; `case.*` describe the case.
    """
    known: dict[str, Kind] = {"verdict": "text", "missing": "flag", **_CASE}
    if role in REVIEWERS or role is Role.CONSENSUS:
        known |= _REVIEW
        known |= {f"flag.{name}": "flag" for name in principles}
        known |= {f"severity.{name}": "number" for name in principles}
    if role is Role.SAFETY:
        known["override"] = "number"
    if role is Role.CONSENSUS:
        known["disagreement"] = "number"
    if role is Role.JUDGE:
        known |= {"chosen": "number", "confidence": "number", "uncertainty": "number"}
    if labels and role not in RESPONDERS:
        known["label"] = "text"
    return known


def columns(
    output: Output, wanted: set[str], cases: Cases, principles: tuple[str, ...], labels: tuple[str, ...], round_: int
) -> Mapping[str, NDArray[Any]]:
    """The wanted fields of an output as columns [n]; the output and the cases have the same rows."""
    return {name: _column(name, output, cases, principles, labels, round_) for name in wanted}


def _column(
    name: str, output: Output, cases: Cases, principles: tuple[str, ...], labels: tuple[str, ...], round_: int
) -> NDArray[Any]:
    head, _, rest = name.partition(".")
    match head:
        case "case":
            return cases.columns()[rest]
        case "round":
            return np.full(len(output), round_)
        case "label":
            return np.array([*labels, None], dtype=object)[output["label"]]
        case "flag":
            flag = output["finding_flag"][:, :, principles.index(rest)]
            return np.asarray(flag.any(axis=1))
        case "severity" if rest:
            return np.asarray(output["finding_severity"][:, :, principles.index(rest)].max(axis=1))
        case _:
            return _DERIVED[name](output) if name in _DERIVED else output[name]


def suspicion(output: Output) -> NDArray[np.float64]:
    """A reviewer's largest P(violated) over what it could read, [n]: its confidence where it flagged, else the rest."""
    flag, sure = output["finding_flag"], output["finding_confidence"].astype(np.float64)
    out: NDArray[np.float64] = (np.where(flag, sure, 1.0 - sure) * output["finding_present"]).max(
        axis=(1, 2), initial=0.0
    )
    return out


_DERIVED: Mapping[str, Callable[[Output], NDArray[Any]]] = {
    "verdict": lambda output: VERDICT_TEXT[output["verdict"]],
    "missing": lambda output: np.asarray(output["verdict"] == Verdict.MISSING),
    "uncertainty": lambda output: np.asarray(1.0 - output["confidence"]),
    "flags": lambda output: np.asarray(output["finding_flag"].any(axis=1).sum(axis=1)),
    "suspicion": suspicion,
}
