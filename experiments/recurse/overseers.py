"""Overseers that learn too: critics, safety models and judges, from their own judgements that were confirmed.

A reviewer's finding is confirmed where a consensus that it was a member of came to the same finding, or where an
auditor who decided on the very response it had read came to the same verdict; an auditor who decided otherwise
unconfirms it. A judge's choice is confirmed where an auditor accepted the response it chose. What was only said once,
and what was overruled, is not learnt. Nobody looks at the oracle here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agents.model import Prompt
from agents.records import Message, Settlement
from agents.style import PromptStyle, load_style
from agents.vocabulary import REVIEWERS, Role, Verdict
from experiments.datasets import load_cases
from experiments.folder import RunFolder
from experiments.prepare import prepare_arm
from experiments.recurse.echo import asked_of
from experiments.recurse.rounds import Crew, Rounds
from experiments.sampling.released import reviewed
from hierarchy.arm import Arm
from hierarchy.audit.records import POLICY
from hierarchy.block import Block
from hierarchy.executor import read_back
from hierarchy.journal import Journal
from hierarchy.plan import PlannedStep
from hierarchy.settlement import settlements
from training.datasets import ASSISTANT, SftRow
from training.files import write_jsonl
from training.lineage import trace
from training.train import train

Bools = NDArray[np.bool_]
_READ = (Verdict.ACCEPT, Verdict.REVISE)


def train_overseers(rounds: Rounds, number: int, crew: Crew) -> dict[str, int]:
    """Train every overseer that learns on its confirmed judgements of a round; gives the rows each learnt from.

    One of which nothing was confirmed stays as it is. May be repeated: what is trained is not trained again.
    """
    if not crew.overseers:
        return {}
    spec = rounds.run(number, crew)
    folder = RunFolder(rounds.run_folder(number))
    cases, _ = load_cases(spec.dataset, spec.seed)
    arm = prepare_arm(spec, rounds.arm)
    with Journal.open(folder.journal) as journal:
        block = read_back(arm, cases, journal)
    settled = settlements(rounds.arm, block)
    learnt = {}
    for agent, checkpoint in crew.overseers.items():
        rows = list(confirmed_rows(arm, block, agent, settled, spec.name))
        learnt[agent] = len(rows)
        if rows:
            write_jsonl(rows, folder.datasets / rounds.arm / f"overseer-{agent}.jsonl")
            how = rounds.spec.overseers
            how = how.model_copy(update={"seed": rounds.seed("train", number, agent, how.seed)})
            train(how, rows, checkpoint, rounds.overseer_folder(number, agent))
    return learnt


def confirmed_rows(arm: Arm, block: Block, agent: str, settled: list[Settlement], run: str) -> Iterator[SftRow]:
    """An overseer's confirmed judgements as supervised rows: each question just as it was put, and what it said.

    They hold critiques, so they are of the hidden layer.
    """
    style = load_style(arm.agents[agent].style)
    for step in block.plan.steps:
        if step.step.agent != agent or not block.ran[step.index].any():
            continue
        if step.role in REVIEWERS:
            found = _reviews(arm, block, step, style)
        elif step.role is Role.JUDGE and step.options:
            found = _choices(arm, block, step, style)
        else:
            continue
        for n, prompt, said in found:
            yield _row(settled[n], run, prompt, said)


def _row(case: Settlement, run: str, prompt: Prompt, said: str) -> SftRow:
    role = ASSISTANT if prompt.generation_prompt else prompt.messages[-1].role
    return SftRow(prompt.messages, (Message(role, said),), 1.0, replace(trace(case, run, 1.0), layer="hidden"))


Said = Iterator[tuple[int, Prompt, str]]


def _reviews(arm: Arm, block: Block, step: PlannedStep, style: PromptStyle) -> Said:
    """(case, question, answer): verdicts on confirmed findings, and critiques of which every finding is confirmed."""
    confirmed, said = confirmed_findings(block, step), block.said(step.index)
    flags, present = said["finding_flag"][:, 0], said["finding_present"][:, 0]
    place = {bit: p for p, bit in enumerate(step.bits)}
    for asked in asked_of(arm, block, step):
        n = asked.case
        if asked.principle is not None and asked.principle in place:
            p = place[asked.principle]
            if confirmed[n, p]:
                yield n, asked.prompt, style.labels.violated if flags[n, p] else style.labels.fine
        elif asked.text and (confirmed[n] | ~present[n]).all() and present[n].any():
            yield n, asked.prompt, asked.text


def confirmed_findings(block: Block, step: PlannedStep) -> Bools:
    """Which findings of a reviewing step on its first candidate are confirmed, [N, P]."""
    said = block.said(step.index)
    flags, present = said["finding_flag"][:, 0], said["finding_present"][:, 0]
    confirmed = np.zeros_like(present)
    for vote in block.plan.steps:
        counts = vote.round == step.round and vote.principles == step.principles
        if vote.role is Role.CONSENSUS and counts and any(step.index in m.instances for m in vote.members):
            agreed = block.said(vote.index)
            settled = block.ran[vote.index] & np.isin(agreed["verdict"], _READ)
            confirmed |= settled[:, None] & (agreed["finding_flag"][:, 0] == flags)
    decided, same = _audited(block, step)
    confirmed = np.where(decided[:, None], same[:, None], confirmed)
    out: Bools = confirmed & present & block.ran[step.index][:, None]
    return out


def _audited(block: Block, step: PlannedStep) -> tuple[Bools, Bools]:
    """(an auditor decided on the response that the step had read, and came to its verdict), [N] each."""
    rows, flagged = np.arange(len(block)), block.said(step.index)["flagged"]
    decided, same = np.zeros(len(block), bool), np.zeros(len(block), bool)
    for audit in block.plan.steps:
        if audit.role is Role.AUDITOR:
            mine = _by_person(block, audit) & reviewed(block, step, rows, block.pointer(audit.responses, rows))
            same |= mine & ((block.said(audit.index)["verdict"] != Verdict.ACCEPT) == flagged)
            decided |= mine
    return decided, same


def _by_person(block: Block, audit: PlannedStep) -> Bools:
    out: Bools = block.ran[audit.index] & (block.said(audit.index)["auditor"] != POLICY)
    return out


def _choices(arm: Arm, block: Block, step: PlannedStep, style: PromptStyle) -> Said:
    """(case, question, answer) of a judge's choice between two options that an auditor then accepted."""
    chosen = block.said(step.index)["chosen"]
    accepted = np.zeros(len(block), bool)
    for audit in block.plan.steps:
        if audit.role is Role.AUDITOR:
            accepted |= _by_person(block, audit) & (block.said(audit.index)["verdict"] == Verdict.ACCEPT)
    turn: dict[int, int] = {}
    for asked in asked_of(arm, block, step):
        order = turn.get(asked.case, 0)  # asked once with the first option first, once with the second
        turn[asked.case] = order + 1
        if accepted[asked.case] and chosen[asked.case] in (0, 1) and order < 2:
            yield asked.case, asked.prompt, (style.labels.first, style.labels.second)[chosen[asked.case] ^ order]
