"""The audits of a run's training sets: made before anything trains, kept beside the sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.records import Settlement
from constitutions.files import read_text
from experiments.config import ExperimentSpec
from experiments.datasets.known import outside_of
from experiments.folder import RunFolder
from training.checks.columns import columns_of
from training.checks.gate import require
from training.checks.keeping import AUDIT, Audits, judged, write_audits
from training.checks.summary import SetAudit, audit
from training.datasets import Row

Sets = Mapping[str, Sequence[Row]]


def check_sets(
    spec: ExperimentSpec,
    folder: RunFolder,
    settled: Sequence[tuple[str, Sequence[Settlement]]],
    sets: Mapping[str, Sets],
) -> tuple[SetAudit, ...]:
    """Audit every set of every arm, keep `audit.json` beside the sets, then raise GateError where a limit is broken.

    Nothing is looked at where the gate is null.
    """
    for arm in sets:
        (folder.datasets / arm / AUDIT).unlink(missing_ok=True)
    gate = spec.gate
    if gate is None:
        return ()
    found: list[SetAudit] = []
    for arm, cases in settled:
        outside = outside_of(spec, folder, gate, arm, cases)
        some = [
            judged(audit(arm, name, columns_of(rows), gate.checks, outside), gate) for name, rows in sets[arm].items()
        ]
        write_audits(folder.datasets / arm / AUDIT, some)
        found += some
    require(found)
    return tuple(found)


def kept_audits(folder: RunFolder, arms: Sequence[str]) -> tuple[SetAudit, ...]:
    """What was kept of the arms' sets, in the order of the arms."""
    paths = [folder.datasets / arm / AUDIT for arm in arms]
    return tuple(one for path in paths if path.is_file() for one in Audits.model_validate_json(read_text(path)).sets)
