"""Blocks of 131,072 cases on Ray against plain processes: shards and roles. Wall time, from the third result on."""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from agents.simulated.lanes import keep_memory
from benchmarks.engine import PERSON
from benchmarks.graphs import LAYERS, arm
from experiments.lab.simulate import Mapper, here, threads
from experiments.lab.worker import Job, Span, Worker, spans
from hierarchy.arm import Arm
from hierarchy.latent.auditor import Auditor
from hierarchy.latent.crew import Crew, latent_crew
from hierarchy.latent.remote import Host, remote_crew

BLOCK, BLOCKS, SKIPPED, IN_FLIGHT = 131_072, 24, 4, 4


def measure(repeats: int = 3) -> dict[str, dict[str, float]]:
    """Throughput ratios, medians over interleaved repeats, and cases a second of the first of each pair."""
    from hierarchy.ray_executor import cluster
    from hierarchy.ray_map import callers, ray_map

    keep_memory()
    one = arm(LAYERS)
    found: dict[str, list[float]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder,
        cluster("local", 4, folder=folder),
        callers({name: partial(Host, (one,), name) for name in one.used()}) as hosts,
    ):
        ways: dict[str, tuple[Mapper, Crew]] = {
            "in process": (here, latent_crew),
            "one shard worker": (lambda make, items: ray_map(make, items, 1), latent_crew),
            "two processes": (_processes, latent_crew),
            "two shard workers": (lambda make, items: ray_map(make, items, 2), latent_crew),
            "roles": (threads(IN_FLIGHT), remote_crew(hosts, 0.0)),
        }
        for _ in range(repeats):
            for name, (mapper, crew) in ways.items():
                found.setdefault(name, []).append(_speed(one, mapper, crew))
    pairs = {
        "one shard worker over in process": ("one shard worker", "in process"),
        "two shard workers over two processes": ("two shard workers", "two processes"),
        "two shard workers over one": ("two shard workers", "one shard worker"),
        "one shard worker over roles": ("one shard worker", "roles"),
    }
    return {
        name: {
            "ratio": statistics.median(x / y for x, y in zip(found[a], found[b], strict=True)),
            "cases_per_second": statistics.median(found[a]),
        }
        for name, (a, b) in pairs.items()
    }


def _speed(one: Arm, mapper: Mapper, crew: Crew) -> float:
    """Cases a second, once everybody is at work."""
    job = Job((one,), {one.name: Auditor(one.plan.places, one.seed, PERSON)})
    start = 0.0
    for done, _ in enumerate(mapper(partial(Worker, job, crew), spans(0, BLOCK * BLOCKS, BLOCK)), start=1):
        if done == SKIPPED:
            start = time.perf_counter()
    return (BLOCKS - SKIPPED) * BLOCK / (time.perf_counter() - start)


_work: Any = None


def _begin(make: Any) -> None:
    global _work
    keep_memory()
    _work = make()


def _do(span: Span) -> Any:
    return _work(span)


def _processes(make: Any, items: Iterable[Any]) -> Iterator[Any]:
    """Two plain processes, two items each at a time."""
    with multiprocessing.get_context("spawn").Pool(2, _begin, (make,)) as pool:
        yield from pool.imap_unordered(_do, items)
