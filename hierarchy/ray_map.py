"""Items carried out by processes on Ray. A process or a node that dies takes nothing with it but time."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import ray
from ray.exceptions import ObjectLostError, RayActorError

IN_FLIGHT = 2  # items a worker holds: one to work on, one so that it never waits for the driver
MOST_DEATHS = 3
"""How many workers an item may be held by that die, before it is taken to be what kills them."""


def ray_map(make: Callable[[], Callable[[Any], Any]], items: Iterable[Any], workers: int) -> Iterator[Any]:
    """A result per item, in the order they are finished; `make` makes each worker, in a process of its own.

    No more items are taken from `items` than workers hold. What a worker that died was holding is done by the others,
    or by the one started in its place, as soon as there is room for it. Raises RuntimeError for an item that
    `MOST_DEATHS` workers died of, and what a worker raises.
    """
    pool = _Pool(ray.put(make), enumerate(items))
    for _ in range(workers):
        pool.start()
    try:
        while pool.busy():
            yield from pool.collect()
    finally:
        for actor in pool.actors:
            ray.kill(actor)


@dataclass
class _Pool:
    """Workers, what they hold, and what is left.

    Attributes:
        made: reference to the maker of workers.
        todo: numbered items nobody has had; again: those whose worker died.
        starting: workers by the reference that tells when they are there; load: how many items the others hold.
        out: (worker, item) by reference.
        deaths: how many workers died holding an item, by its number.
    """

    made: Any
    todo: Iterator[tuple[int, Any]]
    again: deque[tuple[int, Any]] = field(default_factory=deque)
    starting: dict[Any, Any] = field(default_factory=dict)
    load: dict[Any, int] = field(default_factory=dict)
    out: dict[Any, tuple[Any, tuple[int, Any]]] = field(default_factory=dict)
    deaths: Counter[int] = field(default_factory=Counter)

    @property
    def actors(self) -> list[Any]:
        """All workers."""
        return [*self.starting.values(), *self.load]

    def start(self) -> None:
        """Start a worker; it is given items when it is there."""
        actor: Any = _Made.remote(self.made)
        self.starting[actor.ready.remote()] = actor

    def busy(self) -> bool:
        """Hand out what there is; whether anything is being done or left to do."""
        for actor in self.load:
            while self.load[actor] < IN_FLIGHT and self._next():
                item = self.again.popleft()
                self.out[actor.run.remote(item[1])] = (actor, item)
                self.load[actor] += 1
        return bool(self.out) or self._next()

    def _next(self) -> bool:
        """Whether an item is at hand; takes one from `todo` where none is."""
        if not self.again:
            self.again.extend(islice(self.todo, 1))
        return bool(self.again)

    def collect(self) -> Iterator[Any]:
        """Wait for something to be finished; the results that are."""
        done, _ = ray.wait([*self.out, *self.starting], num_returns=1, fetch_local=False)
        for ref in done:
            actor, item = (self.starting.pop(ref), None) if ref in self.starting else self.out.pop(ref)
            try:
                result = ray.get(ref)
            except (RayActorError, ObjectLostError):  # before it was done, or with the result in its node's memory
                self._lost(actor, item)
                continue
            if item is None:
                self.load[actor] = 0
                continue
            if actor in self.load:
                self.load[actor] -= 1
            yield result

    def _lost(self, actor: Any, item: tuple[int, Any] | None) -> None:
        """Have somebody else do what a dead worker held; start one in its place."""
        if item is not None:
            self.deaths[item[0]] += 1
            if self.deaths[item[0]] == MOST_DEATHS:
                raise RuntimeError(f"{MOST_DEATHS} workers died of one part of the work: {str(item[1])[:200]}")
            self.again.append(item)
        if item is None or self.load.pop(actor, None) is not None:
            self.start()


class Made:
    """A process that carries out items."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]]) -> None:
        self.work = make()

    def ready(self) -> None:
        """Answers once the worker is made."""

    def run(self, item: Any) -> Any:
        """One item."""
        return self.work(item)


_Made = ray.remote(max_restarts=0, num_cpus=0.5)(Made)
_Lasting = ray.remote(max_restarts=-1, max_task_retries=-1, num_cpus=0)(Made)


@contextmanager
def callers(makes: Mapping[str, Callable[[], Callable[[Any], Any]]]) -> Iterator[dict[str, Callable[[Any], Any]]]:
    """A process per name, made by its maker, for as long as the context lasts: how to call each, and wait.

    A process that dies is made again, and does again what it was doing.
    """
    kept = {name: ray.put(make) for name, make in makes.items()}
    actors: dict[str, Any] = {name: _Lasting.remote(made) for name, made in kept.items()}

    def call(name: str) -> Callable[[Any], Any]:
        return lambda item: ray.get(actors[name].run.remote(item))

    try:
        yield {name: call(name) for name in actors}
    finally:
        for actor in actors.values():
            ray.kill(actor)
