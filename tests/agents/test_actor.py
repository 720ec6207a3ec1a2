"""The Ray actor that plays a role: the same answers as in this process, also after it was killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from agents.actor import start_actor
from agents.agent import Agent
from agents.columns import Output
from agents.spec import AgentSpec, SimulatedSpec, TransformersSpec
from constitutions.errors import InputError
from tests.agents.makers import view

pytestmark = pytest.mark.ray


def same(one: Output, other: Output) -> None:
    assert set(one.columns) == set(other.columns)
    for name in one.columns:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_an_actor_killed_by_its_process_id_comes_back_with_the_same_answers(ray_cluster: str) -> None:
    import ray

    spec = AgentSpec(model=SimulatedSpec(noise=0.5, missing=0.2))
    actor = start_actor("critic", spec, 7)
    who = ray.get(actor.who.remote())
    assert who["agent"] == "critic"
    assert who["model"] == "simulated"
    assert who["pid"] != os.getpid()
    here = Agent("critic", spec, 7).act(view("critic"))
    same(ray.get(actor.act.remote(view("critic"))), here)
    os.kill(who["pid"], signal.SIGKILL)
    same(ray.get(actor.act.remote(view("critic"))), here)
    assert ray.get(actor.who.remote())["pid"] != who["pid"]
    ray.kill(actor)


def test_an_agent_that_cannot_work_is_refused_here_and_not_in_the_actor(ray_cluster: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json there") as error:
        start_actor("critic", AgentSpec(model=TransformersSpec(path=str(tmp_path))), 7)
    assert "\n" not in str(error.value)
