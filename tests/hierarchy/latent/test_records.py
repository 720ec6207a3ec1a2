"""What is kept of every visit is what every step said."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from agents.vocabulary import Verdict
from constitutions.constitution import Constitution
from constitutions.errors import InputError
from hierarchy.builders import build
from hierarchy.compile import compile_graph
from hierarchy.latent.auditor import Auditor
from hierarchy.latent.block import LatentBlock
from hierarchy.latent.cases import LatentCases
from hierarchy.latent.crew import latent_crew
from hierarchy.latent.records import encoded, told, visit_table
from hierarchy.latent.said import Choice, Decision, Response
from hierarchy.oversee import oversee
from hierarchy.plan import Plan
from tests.agents.makers import principle
from tests.hierarchy.builders.running import plan_of
from tests.hierarchy.latent.test_planes import PLANS, SPECS, arm_of


def passed(plan: Plan, spec: dict[str, Any], auditor: bool = True) -> LatentBlock:
    arm = arm_of(plan, **spec)
    block = LatentBlock(LatentCases.numbered(70, 500), plan)
    oversee(block, plan, latent_crew(arm, Auditor(plan.places, arm.seed) if auditor else None))
    return block


@pytest.mark.parametrize("spec", ["missing", "marks"])
@pytest.mark.parametrize("name", ["shipped layers", "panel", "debate", "trusted_monitoring", "random_dag"])
def test_every_word_and_verdict_comes_back(name: str, spec: str) -> None:
    block = passed(PLANS[name], SPECS[spec])
    table = pq.read_table(io.BytesIO(encoded(visit_table(block))))
    words, verdicts = told(table)
    case, step = table["case"].to_numpy(), table["step"].to_numpy()
    assert table.num_rows == sum(len(rows) for rows in block.rows.values())
    for index, rows in block.rows.items():
        here, said = step == index, block.said[index]
        np.testing.assert_array_equal(case[here], 70 + rows.at)
        np.testing.assert_array_equal(verdicts[here], said.verdict)
        if isinstance(said, Response | Decision):
            np.testing.assert_array_equal(words[here], said.word)
        elif isinstance(said, Choice):
            np.testing.assert_array_equal(words[here].astype(int), said.chosen + 1)


def test_the_file_says_how_to_read_it() -> None:
    about = pq.read_table(io.BytesIO(encoded(visit_table(passed(PLANS["single"], SPECS["plain"]))))).schema.metadata
    assert about[b"layout"] == b"word << 3 | verdict"
    assert {name: int(about[name.lower().encode()]) for name in Verdict.__members__} == dict(Verdict.__members__)


def many(principles: int) -> Plan:
    whole = Constitution(name="many", version="1", principles=tuple(principle(f"p{i}") for i in range(principles)))
    graph = build("single", rounds=0, auditor=None)
    return compile_graph(graph, {"base", "critic"}, lambda name: whole)


def test_the_widest_words_have_room_with_their_marks() -> None:
    spec = {"propensity": 1.0, "bold_wrong": 1.0, "blunting": 0.5}
    words, _ = told(visit_table(passed(many(59), spec)))
    assert int(words[0]) == (1 << 59) - 1 | 1 << 60


def test_more_principles_than_have_room_are_refused() -> None:
    with pytest.raises(InputError, match="graph 'single': 60 principles; a row per visit has room for 59"):
        visit_table(passed(many(60), {}))


def test_a_case_that_waits_has_no_visit_to_its_auditor() -> None:
    plan = plan_of("single", rounds=0)
    block = passed(plan, {"propensity": 0.5}, auditor=False)
    human = next(step.index for step in plan.steps if step.role == "auditor")
    assert block.waiting
    assert human not in visit_table(block)["step"].to_pylist()
