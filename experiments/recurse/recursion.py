"""A recursion in its folder: every arm's rounds, the declared comparisons between arms, results, data and page.

Under several seeds, FOLDER/seed-N is the recursion of seed N, a folder like any other; FOLDER tells of all of them.
"""

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
from experiments.recurse.page import recursion_page
from experiments.recurse.pooling import pooled_arms, pooled_contrasts
from experiments.recurse.results import CONFIG, ArmRecursion, ContrastResult, RecursionResults, write_recursion
from experiments.recurse.rounds import Rounds
from experiments.recurse.spec import RecurseSpec
from experiments.recurse.story import Story
from experiments.report.report import REPORT_FILE

_MAY_CHANGE = ("question", "rounds", "seeds", "tripwires", "compare")
_PACKAGES = ("torch", "transformers", "numpy", "pyarrow")
_Found = tuple[tuple[ArmRecursion, ...], tuple[ContrastResult, ...]]


def recurse(spec: RecurseSpec, out: Path, console: Console | None = None) -> RecursionResults:
    """Carry the recursion out in the folder `out`, or go on with the one there, for more rounds or under other wires.

    Seeds go one after another, and so do arms. Raises InputError for what the config gets wrong, before anything is
    written.
    """
    console = console or Console(quiet=True)
    check_models(spec.run, prepare_arms(spec.run))
    for arm in spec.run.arms:
        Rounds(spec, arm, out).first()
    _open(spec, out)
    arms, contrasts = (_of_seeds if spec.seeds else _of_seed)(spec, out, console)
    results = RecursionResults(
        name=spec.name,
        question=spec.question,
        seeds=spec.seeds or (spec.seed,),
        command=f"oversight recurse {out / CONFIG}",
        config_yaml=_text(spec),
        versions={name: version(name) for name in _PACKAGES},
        arms=arms,
        contrasts=contrasts,
    )
    write_recursion(results, out)
    recursion_page(results).write(out / REPORT_FILE)
    return results


def _of_seeds(spec: RecurseSpec, out: Path, console: Console) -> _Found:
    """The recursion of every seed in its own folder, where it goes on by itself; means over them."""
    parts = []
    for one in spec.replicates():
        console.print(f"seed {one.seed}", highlight=False)
        parts.append(recurse(one, out / f"seed-{one.seed}", console))
    if len(parts) == 1:
        return parts[0].arms, parts[0].contrasts
    return pooled_arms(parts), pooled_contrasts(parts)


def _of_seed(spec: RecurseSpec, out: Path, console: Console) -> _Found:
    before = torch.get_num_threads()
    torch.set_num_threads(spec.run.training[0].train.threads if spec.run.training else 1)
    try:
        stories = {arm: go_round(Rounds(spec, arm, out), console) for arm in spec.run.arms}
    finally:
        torch.set_num_threads(before)
    return tuple(story.recursion() for story in stories.values()), _contrasts(spec, stories)


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
        changed = known.model_copy(update={name: getattr(spec, name) for name in _MAY_CHANGE})
        if changed != spec or bool(known.seeds) != bool(spec.seeds):
            raise InputError(
                f"{out}: this folder holds a recursion of another config; give another --out, or remove it"
            )
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: exists and holds no recursion; give an --out that does not exist")
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(config, _text(spec))
