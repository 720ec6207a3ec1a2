"""What `oversight dataset audit` does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rich.console import Console

from agents.records import Settlement
from constitutions.errors import InputError
from constitutions.validation import validate
from constitutions.yaml_source import Document, apply_overrides
from experiments.audit.run_queue import existing_queue
from experiments.cases import load_cases
from experiments.datasets.known import outside_of
from experiments.datasets.view import audit_tables
from experiments.folder import RunFolder
from experiments.prepare import prepare_arms
from hierarchy.executor import read_back
from hierarchy.journal import Journal
from hierarchy.settlement import settlements
from training.checks.files import outside_of as outside_of_files
from training.checks.keeping import Audits, judged
from training.checks.reading import read_set
from training.checks.spec import GateSpec
from training.checks.summary import Outside, SetAudit, audit
from training.config import AgainstSpec


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for on the command line."""

    data: Path
    against: tuple[Path, ...] = ()
    reference: tuple[Path, ...] = ()
    constitution: str | None = None
    overrides: tuple[str, ...] = ()

    @property
    def files(self) -> Outside:
        """What the files that were named say."""
        names = (tuple(map(str, self.against)), tuple(map(str, self.reference)))
        return outside_of_files(AgainstSpec(prompts=names[0], reference=names[1], constitution=self.constitution))


def audit_command(asked: Asked, as_json: bool) -> bool:
    """Audit a file or every set of a run and print what was found; whether every limit is met. Nothing is written."""
    found = tuple(_of_run(asked) if asked.data.is_dir() else _of_file(asked))
    if as_json:
        print(Audits(sets=found).model_dump_json(indent=1))
    else:
        console = Console()
        for one in found:
            for part in audit_tables(one):
                console.print(part)
    return all(gate.met for one in found for gate in one.gates)


def _of_file(asked: Asked) -> Iterator[SetAudit]:
    gate = _gate(GateSpec(), asked)
    if gate.checks.kernel == "hidden":
        raise InputError("checks.kernel=hidden needs the model that learns; accepted for a file: ngrams")
    yield judged(audit("", asked.data.name, read_set(asked.data), gate.checks, asked.files), gate)


def _of_run(asked: Asked) -> Iterator[SetAudit]:
    """Every set in a run's datasets. What is named on the command line comes in addition, and in place of its like."""
    folder = RunFolder(asked.data)
    spec = folder.spec()
    gate = _gate(spec.gate or GateSpec(), asked)
    given = asked.files
    paths = {arm: _sets(folder.datasets / arm) for arm in spec.arms}
    if not any(paths.values()):
        raise InputError(f"{asked.data}: has no training sets yet; expected a run with `training` that got so far")
    for arm, cases in _settled(folder):
        known = outside_of(spec, folder, gate, arm, cases)
        known = replace(known, prompts={**known.prompts, **given.prompts})
        if given.reference:
            known = replace(known, reference=given.reference, reference_name=given.reference_name)
        if given.principles is not None:
            known = replace(known, principles=given.principles)
        look = partial(audit, arm, spec=gate.checks, outside=known)
        yield from (judged(look(path.stem, read_set(path)), gate) for path in paths[arm])


def _sets(folder: Path) -> list[Path]:
    """A file for every set of an arm by name; of two forms of one set, the JSONL."""
    named = {path.stem: path for form in ("parquet", "jsonl") for path in sorted(folder.glob(f"*.{form}"))}
    return [named[name] for name in sorted(named)]


def _settled(folder: RunFolder) -> Iterator[tuple[str, list[Settlement]]]:
    spec = folder.spec()
    cases, _ = load_cases(spec.dataset, spec.seed)
    with existing_queue(folder.path) as queue, Journal.open(folder.journal, create=False) as journal:
        for arm in prepare_arms(spec):
            yield arm.name, settlements(arm.name, read_back(arm, cases, journal), queue.appeals(arm.name))


def _gate(gate: GateSpec, asked: Asked) -> GateSpec:
    """The gate with what the command line changes."""
    return validate(apply_overrides(Document("gate", gate.model_dump(mode="json")), asked.overrides), GateSpec)
