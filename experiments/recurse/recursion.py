"""A recursion in its folder: every arm's rounds, the declared comparisons between arms, results, data and page."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import torch
import yaml
from rich.console import Console

from constitutions.errors import InputError
from constitutions.files import write_atomically
from constitutions.validation import load_model
from experiments.prepare import check_models, prepare_arms
from experiments.recurse.loop import go_round
from experiments.recurse.page import write_recursion_page
from experiments.recurse.results import ContrastResult, RecursionResults, write_recursion
from experiments.recurse.rounds import Rounds
from experiments.recurse.spec import RecurseSpec
from experiments.recurse.story import Story

CONFIG = "config.yaml"
_MAY_CHANGE = ("question", "rounds", "tripwires", "compare")
_PACKAGES = ("torch", "transformers", "numpy", "pyarrow")


def recurse(spec: RecurseSpec, out: Path, console: Console | None = None) -> RecursionResults:
    """Carry the recursion out in the folder `out`, or go on with the one there, for more rounds or under other wires.

    Arms go one after another. Raises InputError for what the config gets wrong, before anything is written.
    """
    console = console or Console(quiet=True)
    check_models(spec.run, prepare_arms(spec.run))
    chains = {arm: Rounds(spec, arm, out) for arm in spec.run.arms}
    for chain in chains.values():
        chain.first()
    _open(spec, out)
    before = torch.get_num_threads()
    torch.set_num_threads(spec.run.training[0].train.threads if spec.run.training else 1)
    try:
        stories = {arm: go_round(chain, console) for arm, chain in chains.items()}
    finally:
        torch.set_num_threads(before)
    results = RecursionResults(
        name=spec.name,
        question=spec.question,
        seed=spec.seed,
        command=f"oversight recurse {out / CONFIG}",
        config_yaml=_text(spec),
        versions={name: version(name) for name in _PACKAGES},
        arms=tuple(story.recursion() for story in stories.values()),
        contrasts=_contrasts(spec, stories),
    )
    write_recursion(results, out)
    write_recursion_page(results, out)
    return results


def _contrasts(spec: RecurseSpec, stories: dict[str, Story]) -> tuple[ContrastResult, ...]:
    """Declared comparisons, for every round that both arms reached."""
    found = []
    for contrast in spec.compare:
        for number in range(spec.rounds + 1):
            difference = stories[contrast.a].difference(stories[contrast.b], contrast.metric, number)
            if difference is not None:
                found.append(ContrastResult(round=number, difference=difference, **contrast.model_dump()))
    return tuple(found)


def _text(spec: RecurseSpec) -> str:
    return yaml.safe_dump(spec.model_dump(mode="json", by_alias=True), sort_keys=False, allow_unicode=True)


def _open(spec: RecurseSpec, out: Path) -> None:
    """Make the folder, or check that it holds this recursion. What is made of the rounds may differ from what it was,
    such as how many there are; what is in them may not."""
    config = out / CONFIG
    if config.is_file():
        known = load_model(config, RecurseSpec)
        if known.model_copy(update={name: getattr(spec, name) for name in _MAY_CHANGE}) != spec:
            raise InputError(
                f"{out}: this folder holds a recursion of another config; give another --out, or remove it"
            )
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: exists and holds no recursion; give an --out that does not exist")
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(config, _text(spec))
