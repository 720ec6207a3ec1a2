"""`oversight show`: one case's whole path as a tree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from agents.view import Cases
from constitutions.errors import InputError
from experiments.cases import load_cases
from experiments.folder import RunFolder
from experiments.prepare import prepare_arms
from experiments.transcripts import texts, transcript, verdict
from hierarchy.arm import Arm
from hierarchy.audit.safe_text import visible
from hierarchy.block import Block
from hierarchy.executor import read_back
from hierarchy.journal import Journal


def show_command(run: Path, case: str, arm: str | None, hidden: bool) -> None:
    """Print the case under every arm, or under one; with the hidden layer only when asked."""
    folder = RunFolder(run)
    spec = folder.spec()
    cases, _ = load_cases(spec.dataset, spec.seed)
    rows = np.flatnonzero(cases.case_id_N == case)
    if not len(rows):
        raise InputError(f"{run}: no case {case!r}; the first is {cases.case_id_N[0]!r}")
    arms = [a for a in prepare_arms(spec) if arm in (None, a.name)]
    if not arms:
        raise InputError(f"{run}: no arm {arm!r}; accepted: {', '.join(spec.arms)}")
    with Journal.open(folder.journal, create=False) as journal:
        for one in arms:
            Console().print(case_tree(one, cases.take(rows), journal, hidden))


def case_tree(arm: Arm, case: Cases, journal: Journal, hidden: bool) -> Tree:
    """The case's path under one arm: steps in order, texts, and (when asked) verdicts and critiques."""
    block = read_back(arm, case, journal)
    told = transcript(arm.name, block, 0)
    tree = Tree(_line(f"{told.case_id} · {arm.name} · {told.outcome}: {told.why}", "bold"))
    for message in case.messages_N[0] if case.messages_N is not None else ():
        tree.add(_line(f"{message.role}: {message.content}"))
    for step in block.plan.steps:
        if block.ran[step.index, 0]:
            _add_step(tree, block, step.index, hidden)
    return tree


def _add_step(tree: Tree, block: Block, index: int, hidden: bool) -> None:
    step = block.plan.steps[index]
    branch = tree.add(_line(f"{step.name} ({step.role}{f', {step.step.agent}' if step.step.agent else ''})", "cyan"))
    said = block.said(index)
    if "text" in said.columns:
        for text in texts(block, step, 0):
            branch.add(_line(text))
    if (
        (hidden and "finding_flag" in said.columns)
        or (hidden and "chosen" in said.columns)
        or (hidden and "auditor" in said.columns)
    ):
        branch.add(_line(verdict(block, step, 0), "yellow"))


def _line(text: str, style: str = "") -> Text:
    return Text(visible(text), style=style)
