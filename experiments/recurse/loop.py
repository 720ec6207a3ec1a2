"""Round after round, on one screen."""

from __future__ import annotations

from rich.console import Console

from experiments.folder import open_folder
from experiments.recurse.evaluation import evaluate_base
from experiments.recurse.overseers import train_overseers
from experiments.recurse.rounds import Crew, Rounds
from experiments.recurse.story import Story
from experiments.results.files import RESULTS_FILE
from experiments.run import run_experiment


def go_round(rounds: Rounds, console: Console) -> Story:
    """All rounds of one arm, until a tripwire stops it. What is done already is read from its folders."""
    crew = rounds.first()
    story = Story(rounds, evaluate_base(rounds, 0, crew, None, console))
    for number in range(1, rounds.spec.rounds + 1):
        run_round(rounds, number, crew, console)  # base -> hierarchy -> dataset -> fine-tune
        learnt = train_overseers(rounds, number, crew)
        crew = rounds.learnt(number, crew)  # that base, and those overseers, in the next round
        story.add(number, crew, learnt, evaluate_base(rounds, number, crew, story.first, console))
        if story.trip is not None:
            break
    return story


def run_round(rounds: Rounds, number: int, crew: Crew, console: Console) -> None:
    """The run of a round. Raises InputError where its folder holds another run."""
    spec, folder = rounds.run(number, crew), rounds.run_folder(number)
    finished = (folder / RESULTS_FILE).is_file() and open_folder(folder, spec)
    if not finished:
        run_experiment(spec, folder, console)
