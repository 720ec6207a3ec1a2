"""`oversight compare`: topologies side by side on simulated cases."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import combinations
from pathlib import Path

import yaml
from rich.console import Console

from constitutions.errors import InputError
from experiments.config import ExecutionSpec, ExperimentSpec, SimulatedData, load_experiment
from experiments.lab.compare import print_sweep, print_tables, rates
from experiments.lab.contrasts import contrasts
from experiments.lab.exhibit import comparison_exhibit
from experiments.lab.failing import failures
from experiments.lab.keep import Keep
from experiments.lab.simulate import Mapper, Simulated, here, simulate, threads
from experiments.lab.tally import METRICS
from experiments.prepare import compile_arm, prepare_arms, resolve_agents, resolve_auditor
from experiments.progress import Progress
from experiments.report.several import several_page
from hierarchy.arm import Arm
from hierarchy.latent.crew import Crew, latent_crew
from hierarchy.latent.remote import Host, remote_crew
from hierarchy.topology import named_graph

IN_FLIGHT = 4
DEFAULT = Path(__file__).parents[1] / "configs" / "lab.yaml"


def compare_command(
    graphs: Sequence[str],
    config: Path | None,
    metric: str,
    as_json: bool,
    overrides: Sequence[str],
    keep: Keep | None = None,
) -> None:
    """Pass the config's cases through the graphs named (its own arms where none is), and print what differs."""
    if metric not in METRICS:
        raise InputError(f"--metric is {metric!r}; accepted: {', '.join(METRICS)}")
    spec = load_experiment(config or DEFAULT, overrides)
    arms = arms_of(spec, graphs)
    console = Console(stderr=True)
    start = time.perf_counter()
    if keep is not None:
        keep.claim(_asked(spec, graphs), {arm.name: arm.plan for arm in arms})
    found = simulate_arms(spec, arms, console, keep)
    seconds = time.perf_counter() - start
    pairs = pairs_of(spec, graphs, arms, metric)
    compared = contrasts(found, metric, pairs)
    if keep is not None:
        shown = comparison_exhibit(keep.folder.name, spec, arms, found, metric, pairs, keep.asked(), keep.credit())
        several_page([shown], metric).write(keep.page)
    if as_json:
        arms_found = {name: rates(tally) for name, tally in found.tallies.items()}
        waiting = {name: vars(one) for name, one in found.waiting.items()}
        answer = {"seed": spec.seed, "arms": arms_found, "waiting": waiting, "contrasts": compared}
        print(json.dumps(answer, allow_nan=False))
        return
    titles = {name: (spec.arms[name].title or name) if name in spec.arms else name for name in found.tallies}
    print_tables(found, titles, metric, compared, spec.prices.currency if spec.prices else "")
    total = sum(tally.n for tally in found.tallies.values())
    Console().print(f"{total:,} passes in {seconds:.1f} s, seed {spec.seed}", highlight=False)
    if keep is not None:
        Console().print(f"report  {keep.page}", highlight=False, soft_wrap=True)
    if keep is not None and keep.records != "none":
        for arm in arms:
            sha = keep.digest(arm.name, keep.records)[:16]
            Console().print(f"records {keep.home(arm.name)}, sha256 {sha}", highlight=False, soft_wrap=True)


def _asked(spec: ExperimentSpec, graphs: Sequence[str]) -> str:
    """What a folder of results answers; how it was carried out is no part of it."""
    told = spec.model_dump(mode="json", exclude={"execution"})
    return yaml.safe_dump({"graphs": list(graphs), "config": told}, sort_keys=False, allow_unicode=True)


def simulate_arms(
    spec: ExperimentSpec, arms: Sequence[Arm], console: Console | None, keep: Keep | None = None
) -> Simulated:
    """The config's cases through the arms, on the executor it names. Raises InputError for a dataset that is not
    simulated."""
    if not isinstance(spec.dataset, SimulatedData):
        raise InputError(f"dataset.kind is {spec.dataset.kind!r}; the lab takes `simulated` (cases without text)")
    people = {arm.name: resolve_auditor(spec, arm.name) if arm.name in spec.arms else spec.auditor for arm in arms}
    size, override = spec.dataset.size, spec.dataset.override
    progress = Progress(console or Console(quiet=True))
    with means_of(spec.execution, arms, override) as (mapper, crew), progress.stage("simulate", size) as done:
        return simulate(
            arms, size, people, done, override=override, mapper=mapper, crew=crew, keep=keep, prices=spec.prices
        )


@contextmanager
def means_of(execution: ExecutionSpec, arms: Sequence[Arm], override: float) -> Iterator[tuple[Mapper, Crew]]:
    """Who carries blocks of cases out, and who plays the steps: this process; on Ray workers that do whole blocks, or a
    process per agent, with `IN_FLIGHT` blocks under way. Started for as long as they are needed."""
    if execution.executor == "local":
        yield here, latent_crew
        return
    from hierarchy.ray_executor import cluster  # Ray takes a second to import
    from hierarchy.ray_map import callers, ray_map

    with cluster(execution.address, execution.cpus):
        if execution.schedule == "shards":
            yield lambda make, items: ray_map(make, items, execution.workers), latent_crew
            return
        names = {name for arm in arms for name in arm.used()}
        with callers({name: partial(Host, tuple(arms), name) for name in sorted(names)}) as hosts:
            yield threads(IN_FLIGHT), remote_crew(hosts, override)


def named_arms(spec: ExperimentSpec, graphs: Sequence[str]) -> list[Arm]:
    """An arm per graph, `NAME` or `NAME:key=value,key=value`, with the config's agents."""
    if len(set(graphs)) < len(graphs):
        raise InputError(f"compare: {', '.join(graphs)}: every graph once, with other parameters where it is the same")
    agents = resolve_agents(spec, spec.agents)
    arms = []
    for text in graphs:
        arms.append(compile_arm(spec, text, named_graph(text), agents))
    return arms


def arms_of(spec: ExperimentSpec, graphs: Sequence[str]) -> list[Arm]:
    """The arms of a comparison: of the graphs named, the config's own where none is."""
    return named_arms(spec, graphs) if graphs else prepare_arms(spec)


def pairs_of(spec: ExperimentSpec, graphs: Sequence[str], arms: Sequence[Arm], metric: str) -> list[tuple[str, str]]:
    """The pairs that the config names in advance for this metric; all of them where it names none, or where graphs
    were named."""
    planned = [] if graphs else [(c.a, c.b) for c in spec.compare if c.metric == metric]
    return planned or list(combinations([arm.name for arm in arms], 2))


def sweep_command(config: Path, out: Path | None) -> int:
    """`oversight sweep`: every setting of a sweep, or those that are left. Returns how many settings failed."""
    from experiments.lab.plan import load_sweep, points
    from experiments.lab.sweep import Sweeper

    sweep = load_sweep(config)
    folder = out or Path("runs") / f"sweep-{sweep.name}"
    total = len(list(points(sweep)))
    with Progress(Console(stderr=True)).stage(f"sweep {sweep.name}", total, "settings") as done:
        lines = Sweeper(sweep, config.parent, folder).run(done)
    print_sweep(sweep.question, lines, sweep.metric)
    for name in ("results.csv", "report.html"):
        Console().print(f"{Path(name).stem} {folder / name}", highlight=False, soft_wrap=True)
    return sum(bool(failures(line)) for line in lines)
