"""The limits on a training set, whether they are met, and the error that stops a training where one is not."""

from __future__ import annotations

from collections.abc import Sequence

from constitutions.errors import OversightError
from training.checks.drift import Drift
from training.checks.spec import GateSpec
from training.checks.summary import Gate, SetAudit


class GateError(OversightError):
    """A training set is beyond a limit: nothing was trained. Not a mistake in what the user wrote; exit code 1."""

    exit_code = 1


def gates(found: SetAudit, spec: GateSpec) -> tuple[Gate, ...]:
    """Every limit that is set, in the order of the spec. A figure that is not known breaks its limit."""
    made = []
    for key, (what, value, remedy) in _figures(found).items():
        limit = getattr(spec, key)
        if limit is not None:
            met = value is not None and (value <= limit if key.startswith("max_") else value >= limit)
            made.append(Gate(key=key, what=what, value=value, limit=limit, met=met, remedy=remedy))
    return tuple(made)


def require(audits: Sequence[SetAudit]) -> None:
    """Raise GateError for the first limit that is broken, saying how many more are."""
    broken = [(audit, gate) for audit in audits for gate in audit.gates if not gate.met]
    if not broken:
        return
    audit, gate = broken[0]
    more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
    where = "/".join(part for part in (audit.arm, audit.name) if part)
    would = f"{gate.remedy}, or change gate.{gate.key}"
    raise GateError(f"training set {where}: {gate.line}; nothing was trained; {would}{more}")


_Figure = tuple[str, float | None, str]


def _figures(found: SetAudit) -> dict[str, _Figure]:
    """By limit: what is limited, the figure, and what would do."""
    spread, drift = found.diversity, found.drifts
    leaked = found.contamination.share if found.contamination.prompts else 0.0
    rate = found.noise[0].rate if found.noise else None
    fewest = found.coverage.fewest if found.coverage else None
    varied = "train on more varied answers"
    own = "mix in answers of the base's own kind"
    return {
        "max_near_duplicates": (
            "the share of rows that repeat an earlier one", found.duplicates.share, "drop repeated rows"
        ),
        "max_contamination": (
            "the share of evaluation prompts found in the set", leaked, "drop the rows that hold them"
        ),
        **{
            f"min_distinct_{n}": (f"distinct-{n} over {spread.distinct.budget} words", value.value, varied)
            for n, value in spread.distinct.values.items()
        },
        "max_self_bleu": (f"self-BLEU of {spread.self_bleu.n} answers", spread.self_bleu.value.value, varied),
        "min_vendi": (f"the Vendi score of {spread.vendi.n} answers", spread.vendi.value.value, varied),
        "max_length_drift": (
            "the standardised drift of length", _size(drift.length if drift else None), own
        ),
        "max_refusal_drift": (
            "the standardised drift of stock refusals", _size(drift.refusals if drift else None), own
        ),
        "min_rows_per_principle": (
            "the number of rows of the principle with fewest", fewest, "add cases that touch it"
        ),
        "max_label_noise": (
            "the share of labels that people contradict", rate, "have more rows audited, or mend the reviewers"
        ),
    }  # fmt: skip


def _size(drift: Drift | None) -> float | None:
    value = drift.standardised.value if drift else None
    return None if value is None else abs(value)
