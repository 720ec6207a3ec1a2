"""Arms side by side on the same simulated cases: counts per arm, discordant counts per pair, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Protocol

from experiments.lab.costs import Charges
from experiments.lab.desk import auditor_of
from experiments.lab.keep import Keep
from experiments.lab.tally import Flags, Tally
from experiments.lab.worker import BLOCK, Discordance, Done, Job, Worker, spans
from experiments.metrics.cost import PriceTable
from hierarchy.arm import Arm
from hierarchy.audit.auditors import AuditorSpec
from hierarchy.audit.labour import Waiting
from hierarchy.latent.crew import Crew, latent_crew
from hierarchy.windows import whole_windows

Progress = Callable[[int], None]
Listen = Callable[[str, Flags], None]


class Mapper(Protocol):
    """Carries items out: `make` makes whoever carries out one item, in whatever process; results in any order."""

    def __call__(self, make: Callable[[], Callable[[Any], Any]], items: Iterable[Any], /) -> Iterator[Any]:
        """A result per item."""
        ...


def threads(count: int) -> Mapper:
    """Items carried out by `count` threads of this process, which wait for others most of the time."""

    def mapper(make: Callable[[], Callable[[Any], Any]], items: Iterable[Any]) -> Iterator[Any]:
        work, todo = make(), iter(items)
        with ThreadPoolExecutor(count) as pool:
            out = {pool.submit(work, item) for item in islice(todo, count)}
            while out:
                done, out = wait(out, return_when=FIRST_COMPLETED)
                out |= {pool.submit(work, item) for item in islice(todo, len(done))}
                yield from (one.result() for one in done)

    return mapper


def here(make: Callable[[], Callable[[Any], Any]], items: Iterable[Any]) -> Iterator[Any]:
    """One item after another, in this process."""
    yield from map(make(), items)


@dataclass
class Simulated:
    """What a simulation found: a tally per arm; discordant counts per (a, b, metric); how long cases waited for an
    auditor, by arm, where the auditor's spec says how fast they come."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    discordance: dict[tuple[str, str, str], Discordance] = field(default_factory=dict)
    waiting: dict[str, Waiting] = field(default_factory=dict)

    def add(self, done: Done) -> None:
        """Count a span; the order of spans does not matter."""
        for name, tally in done.tallies.items():
            self.tallies.setdefault(name, Tally()).add(tally)
        for key, counts in done.discordance.items():
            self.discordance.setdefault(key, Discordance()).add(counts)


def simulate(
    arms: Sequence[Arm],
    size: int,
    auditor: AuditorSpec | Mapping[str, AuditorSpec],
    progress: Progress = lambda done: None,
    block: int = BLOCK,
    first: int = 0,
    override: float = 0.0,
    mapper: Mapper = here,
    crew: Crew = latent_crew,
    keep: Keep | None = None,
    listen: Listen | None = None,
    prices: PriceTable | None = None,
) -> Simulated:
    """`size` cases from number `first` on through every arm, on common random numbers, whatever the blocks and workers.

    A simulated auditor with a budget smaller than what reaches it decides the cases that come first by the step's
    priority; the others follow the graph's policy. Other auditors leave cases pending. `override` is the share of
    prompts that try to override the rules. What `keep` has from an earlier call that was cut off is not done again.
    `listen` is told every block's flags per case, by arm, in the order in which blocks are finished.
    Raises InputError for a graph that cases without text cannot pass, and for agents that `prices` cannot charge.
    """
    found = Simulated({arm.name: Tally() for arm in arms})
    people = auditor if isinstance(auditor, Mapping) else {arm.name: auditor for arm in arms}
    whole = whole_windows(block, size, *(arm.plan for arm in arms))
    todo, auditors = spans(first, size, whole), {}
    for arm in arms:
        auditors[arm.name], waiting = auditor_of(arm, people[arm.name], todo, override, mapper, crew)
        if waiting is not None:
            found.waiting[arm.name] = waiting
    charges = {arm.name: Charges.of(arm, prices) for arm in arms} if prices else {}
    job = Job(tuple(arms), auditors, override, keep.records if keep else "none", listen is not None, charges)
    ended = 0
    for done in _each(partial(Worker, job, crew), todo, mapper, keep):
        found.add(done)
        for name, flags in done.flags.items():
            if listen is not None:
                listen(name, flags)
        ended += done.span[1]
        progress(ended)
    return found


def _each(make: partial[Worker], todo: Sequence[tuple[int, int]], mapper: Mapper, keep: Keep | None) -> Iterator[Done]:
    """Every span: those kept from before, then the others, which are kept as they come."""
    if keep is None:
        yield from mapper(make, todo)
        return
    known = keep.known()
    yield from known.values()
    for done in mapper(make, [span for span in todo if span not in known]):
        keep.commit(done)
        yield done
