"""A run, from config to report: oversee every arm, fine-tune, evaluate, compare. Every stage can be done again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from agents.records import Case
from agents.view import Cases
from constitutions.constitution import Constitution, load_constitution
from experiments.arm_results import arm_result
from experiments.audit.run_queue import run_queue
from experiments.cases import load_cases
from experiments.compared import arm_front, compared
from experiments.config import ExperimentSpec, SimulatedData, WorldData
from experiments.credit.keep import kept_credit
from experiments.datasets.audits import kept_audits
from experiments.datasets.source import arm_source
from experiments.folder import RunFolder, config_text, open_folder
from experiments.hidden import public, write_hidden
from experiments.labels import label_results
from experiments.ladder import measure_ladder
from experiments.marks import write_marks
from experiments.prepare import check_models, prepare_arms, resolve_agents
from experiments.report.report import render_report
from experiments.results.models import CrewMember
from experiments.results.run import RunResults, write_results
from experiments.sampling.estimating import kept_residuals
from experiments.scoring import mark_final
from experiments.stages.evaluation import Evaluation, evaluate
from experiments.stages.finetuning import Tuned, base_name, finetune
from experiments.stages.overseeing import Overseer, executor_for, write_records
from experiments.terminal.progress import Progress
from experiments.transcripts import examples
from hierarchy.arm import Arm
from hierarchy.block import Block
from hierarchy.executor import Executor
from hierarchy.journal import Journal
from training.checks.gate import GateError

_PACKAGES = ("torch", "transformers", "ray", "pydantic", "networkx", "numpy", "pyarrow")


@dataclass(frozen=True)
class Finished:
    """What a run gives back: its directory, its results, and the digest of its records."""

    folder: RunFolder
    results: RunResults
    digest: str
    waiting: int


def run_experiment(spec: ExperimentSpec, out: Path, console: Console | None = None) -> Finished:
    """Run the experiment in the directory `out`, or go on with the run that is there.

    Raises InputError for what the config gets wrong, before anything is written.
    """
    arms = prepare_arms(spec)
    cases, records = load_cases(spec.dataset, spec.seed)
    check_models(spec, arms)
    constitution = load_constitution(spec.constitution)
    folder = open_folder(out, spec)
    return _Run(spec, folder, arms, cases, records, constitution, console or Console(quiet=True)).go()


def resume_run(path: Path, console: Console | None = None) -> Finished:
    """Go on with a run: after a crash, or after people have decided cases. Raises InputError."""
    return run_experiment(RunFolder(path).spec(), path, console)


class _Run:
    def __init__(
        self,
        spec: ExperimentSpec,
        folder: RunFolder,
        arms: Sequence[Arm],
        cases: Cases,
        records: Sequence[Case],
        constitution: Constitution,
        console: Console,
    ) -> None:
        self.spec, self.folder, self.arms = spec, folder, arms
        self.cases, self.records, self.constitution = cases, records, constitution
        self.progress = Progress(console)
        self.crew: list[CrewMember] = []
        self.started = datetime.now(UTC)
        self.clock = time.monotonic()

    def go(self) -> Finished:
        with (
            Journal.open(self.folder.journal) as journal,
            run_queue(self.folder, self.spec) as queue,
            executor_for(self.spec.execution) as executor,
        ):
            overseer = Overseer(self.spec, self.folder, journal, queue, executor, self.progress)
            blocks = self._oversee(overseer, executor)
            digest = write_records(self.folder, blocks)
            self.folder.note(f"records {digest}")
            stopped: GateError | None = None
            try:
                tuned, evaluation = self._learn(overseer, blocks)
            except GateError as error:
                if self.folder.checkpoints.exists():  # what an earlier training gave stays as it is
                    raise
                stopped, tuned, evaluation = error, [], Evaluation({}, None)
            waiting = sum(counts.open for counts in queue.counts().values())
            residuals = kept_residuals(self.spec, queue)
        whole = self._results(blocks, tuned, evaluation, digest, stopped).model_copy(update={"residuals": residuals})
        write_hidden(whole, self.folder.path)
        results = public(whole)
        write_results(results, self.folder.path)
        render_report(results, self.folder.report)
        if stopped is not None:
            raise GateError(f"{stopped}; report {self.folder.report}")
        return Finished(self.folder, results, digest, waiting)

    def _oversee(self, overseer: Overseer, executor: Executor) -> list[tuple[str, Block]]:
        blocks = []
        for arm in self.arms:
            self._introduce(arm, executor)
            blocks.append((arm.name, overseer.oversee(arm, self.cases, self.records, f"{arm.name}: oversee")))
        return blocks

    def _introduce(self, arm: Arm, executor: Executor) -> None:
        """Log which process plays which role."""
        roles: dict[str, list[str]] = {}
        for step in arm.plan.steps:
            roles.setdefault(str(step.step.agent), []).append(step.role.value)
        who = getattr(executor, "who", None)
        for member in who(arm) if who is not None else []:
            played = tuple(dict.fromkeys(roles[member["agent"]]))
            known = next((c for c in self.crew if (c.agent, c.pid) == (member["agent"], member["pid"])), None)
            if known is not None:
                self.crew.remove(known)
                played = tuple(dict.fromkeys((*known.roles, *played)))
            model = Path(member["model"]).name if "/" in member["model"] else member["model"]
            self.crew.append(CrewMember(agent=member["agent"], roles=played, pid=member["pid"], model=model))
            roles_said = ", ".join(played)
            self.folder.note(f"arm {arm.name}: actor {member['agent']} plays {roles_said} in process {member['pid']}")

    def _learn(self, overseer: Overseer, blocks: Sequence[tuple[str, Block]]) -> tuple[list[Tuned], Evaluation]:
        if self.spec.evaluation is None:
            return [], Evaluation({}, None)
        base = resolve_agents(self.spec, self.spec.agents)[base_name(self.spec)]
        tuned = []
        if self.spec.training:
            pairs = zip(self.arms, blocks, strict=True)
            sources = [(arm.name, arm_source(self.spec, arm, block, overseer.queue)) for arm, (_, block) in pairs]
            tuned = finetune(self.spec, self.folder, sources, base, self.progress)
        return tuned, evaluate(self.spec, overseer, base, tuned, self.constitution)

    def _results(
        self,
        blocks: Sequence[tuple[str, Block]],
        tuned: Sequence[Tuned],
        evaluation: Evaluation,
        digest: str,
        stopped: GateError | None,
    ) -> RunResults:
        scored = isinstance(self.spec.dataset, (WorldData, SimulatedData))
        seconds = self.progress.by_arm([name for name, _ in blocks])
        rates, raters = label_results(self.spec, blocks)
        marks = {name: mark_final(block, self.records, self.constitution) for name, block in blocks} if scored else {}
        write_marks(self.folder.path, dict(blocks), marks)
        comparisons, gaps = compared(self.spec, marks) if scored else ((), ())
        found = RunResults(
            name=self.spec.name,
            question=self.spec.question,
            seed=self.spec.seed,
            command=f"oversight run {self.folder.config}",
            config_yaml=config_text(self.spec),
            versions={name: version(name) for name in _PACKAGES},
            started=self.started.isoformat(timespec="seconds"),
            seconds=time.monotonic() - self.clock,
            arms=tuple(
                arm_result(self.spec, name, block, self.records, self.constitution, scored, seconds[name])
                for name, block in blocks
            ),
            comparisons=comparisons,
            gaps=gaps,
            credit=kept_credit(self.folder, digest),
            digest=digest,
            evaluations=evaluation.results(self.spec.seed),
            training=tuple(stage for t in tuned for stage in t.stages),
            training_data=kept_audits(self.folder, [name for name, _ in blocks]) if self.spec.training else (),
            crew=tuple(self.crew),
            ladder=measure_ladder(self.spec, self.spec.ladder) if self.spec.ladder else None,
            raters=raters,
            label_rates=rates,
            transcripts=examples(blocks, self.spec.transcripts),
            notes=(f"Training was stopped: {stopped}.",) if stopped else (),
        )
        return found.model_copy(update={"front": arm_front(found.arms)})
