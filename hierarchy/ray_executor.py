"""The same passes on Ray: shards (workers that run the whole plan on blocks) and roles (an actor per agent).

Actors only compute; the driver's writer commits. An actor that dies is restarted and its batch computed again, which
gives the same rows; the journal keeps each row once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import ray

from agents.actor import start_actor
from agents.columns import Output
from agents.spec import AgentSpec
from agents.view import Cases, View
from hierarchy.arm import Arm
from hierarchy.batch import Batch, Stored
from hierarchy.block import Block
from hierarchy.executor import Writer, blocks, bystander
from hierarchy.memory import Memory
from hierarchy.oversee import oversee
from hierarchy.ray_map import ray_map
from hierarchy.roles import RoleSchedule
from hierarchy.windows import whole_windows

IN_FLIGHT = 2  # batches an actor holds: one to work on, one so that it never waits for the driver


@contextmanager
def cluster(address: str, cpus: int, folder: Path | None = None) -> Iterator[None]:
    """A Ray cluster for the time of a run: `local` starts one (and ends it), anything else joins one."""
    if ray.is_initialized():
        yield
        return
    options: dict[str, Any] = {
        "num_cpus": cpus,
        "_temp_dir": str(folder) if folder else None,
        # Ray makes its workers nice (15) so that a driver stays responsive; here the workers do the work.
        "_system_config": {"worker_niceness": 0},
    }
    ray.init(
        address=address,
        include_dashboard=False if address == "local" else None,
        log_to_driver=False,
        logging_level=logging.ERROR,
        configure_logging=True,
        **(options if address == "local" else {}),
    )
    try:
        yield
    finally:
        ray.shutdown()


@dataclass
class RayDesk:
    """Hands batches to one actor per agent, at most `IN_FLIGHT` each."""

    actors: Mapping[str, Any]
    out: dict[Any, tuple[str, int]] = field(default_factory=dict)

    def room(self, agent: str) -> bool:
        """Whether the agent's actor can take another batch now."""
        return self._load(agent) < IN_FLIGHT

    def idle(self, agent: str) -> bool:
        """Whether the agent's actor has nothing to do."""
        return self._load(agent) == 0

    def _load(self, agent: str) -> int:
        return sum(name == agent for name, _ in self.out.values())

    def submit(self, agent: str, ticket: int, view: View) -> None:
        """Send a batch to the agent's actor."""
        self.out[self.actors[agent].act.remote(view)] = (agent, ticket)

    def collect(self) -> list[tuple[int, Output]]:
        """Wait for one batch, and take every other that is finished too."""
        ray.wait(list(self.out), num_returns=1)
        done, _ = ray.wait(list(self.out), num_returns=len(self.out), timeout=0)
        return [(self.out.pop(ref)[1], ray.get(ref)) for ref in done]


class RayRoles:
    """One actor per agent, kept for the whole run, so that arms that share an agent share its actor."""

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self._actors: dict[tuple[str, AgentSpec, int], Any] = {}

    def actors(self, arm: Arm) -> dict[str, Any]:
        """The arm's actors by agent name, started where they are not running."""
        for name, spec in arm.used().items():
            key = (name, spec, arm.seed)
            if key not in self._actors:
                self._actors[key] = start_actor(name, spec, arm.seed)
        return {name: self._actors[name, spec, arm.seed] for name, spec in arm.used().items()}

    def who(self, arm: Arm) -> list[dict[str, Any]]:
        """Agent, process id and model of each of the arm's actors."""
        found: list[dict[str, Any]] = ray.get([actor.who.remote() for actor in self.actors(arm).values()])
        return found

    def run(self, arm: Arm, cases: Cases, writer: Writer) -> None:
        """Every case as far as it goes."""
        crew = arm.recalls(bystander, writer.memory(cases), writer.commit)
        RoleSchedule(Block(cases, arm.plan), crew, RayDesk(self.actors(arm)), self.batch).run(writer.ended)


@dataclass(frozen=True)
class RayShards:
    """Workers that run the whole plan on blocks; for simulated, scripted and recorded agents."""

    workers: int
    block: int

    def run(self, arm: Arm, cases: Cases, writer: Writer) -> None:
        """Every block through the whole plan; a block's rows are committed together."""

        def parts() -> Iterator[tuple[Cases, Sequence[Stored]]]:
            for rows in blocks(len(cases), whole_windows(self.block, len(cases), arm.plan)):
                part = cases.take(rows)
                yield part, writer.journal.known(part.case_id_N.tolist())

        ended = 0
        for count, fresh in ray_map(partial(ShardWorker, arm), parts(), self.workers):
            writer.journal.record(fresh)
            ended += count
            writer.ended(ended)


class ShardWorker:
    """Runs an arm's whole plan on blocks and returns the journal's new batches."""

    def __init__(self, arm: Arm) -> None:
        self.arm = arm
        self.performers = arm.performers()

    def __call__(self, part: tuple[Cases, Sequence[Stored]]) -> tuple[int, list[Batch]]:
        """One block: how many cases, and its new rows; `part` are the cases, and what the journal has of them."""
        cases, known = part
        fresh: list[Batch] = []
        crew = self.arm.recalls(self.performers, Memory(known), fresh.append)
        oversee(Block(cases, self.arm.plan), self.arm.plan, crew)
        return len(cases), fresh
