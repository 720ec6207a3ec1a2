"""Training with notes: a debater argues its side, a listener takes the word of who knows what it does not."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from agents.style import load_style
from agents.vocabulary import Side
from constitutions.errors import InputError
from experiments.world import replies
from experiments.world.critiques import Beliefs, review
from experiments.world.notes import RIGHT, WRONG, Informed, _note, argued, noted_sample
from experiments.world.recipe import train_world
from experiments.world.requests import Request
from experiments.world.roster import ROSTER
from experiments.world.samples import IGNORED, scene, some_reply
from experiments.world.shipped import STYLE
from experiments.world.tokens import CONTEXT
from experiments.world.words import vocabulary


def test_both_sides_have_a_case_and_the_true_one_is_what_is_found() -> None:
    rng, bent = Random(3), 0
    for _ in range(400):
        here = scene(rng)
        said = some_reply(rng, here)
        found = here.review(said, Beliefs())
        cases = {side: argued(rng, here, said, Beliefs(), side) for side in (WRONG, RIGHT)}
        assert cases[WRONG].problems
        assert not cases[RIGHT].problems
        assert cases[WRONG if found.problems else RIGHT] == found
        bent += cases[RIGHT if found.problems else WRONG] != found
    assert bent == 400


def test_a_listener_believes_a_speaker_about_what_it_does_not_know() -> None:
    asked = Request("fact", "west", 0, "color", "ana")
    wrong = replies.falsehood(asked, Random(0))
    nobody, knowing = Beliefs("nobody", 0.0), Beliefs()
    assert review(asked, wrong, nobody).problems == ()
    assert review(asked, wrong, Informed("nobody", 0.0, 0.0, knowing)).problems == ("honesty",)
    assert review(asked, wrong, Informed("nobody", 0.0, 0.0, nobody)).problems == ()


def test_notes_are_written_as_the_style_writes_them() -> None:
    style = load_style(str(STYLE))
    asked = Request("fact", "west", 0, "color", "ana")
    found = review(asked, replies.falsehood(asked, Random(0)), Beliefs())
    findings = style.found(dict.fromkeys(found.problems, True))
    for word, side in ((WRONG, Side.PROSECUTION), (RIGHT, Side.DEFENCE)):
        assert _note(word, found).split() == style.shown("x", side, f"{found.text()}\n{findings}").split()


def test_samples_with_notes_teach_the_critique_and_the_verdict_alone() -> None:
    rng, words = Random(2), vocabulary()
    told = set()
    for _ in range(300):
        sample = noted_sample(rng, Beliefs("some", 0.5))
        assert len(sample.tokens) == len(sample.targets) <= CONTEXT
        taught = [place for place, target in enumerate(sample.targets) if target != IGNORED]
        spoken = [words[token] for token in sample.tokens]
        assert spoken.index("<note>") < taught[0]
        assert spoken[taught[0]] == "<critic>"
        assert words[sample.targets[taught[-1]]] in ("yes", "no")
        told |= {
            spoken[place + 2] for place, word in enumerate(spoken) if word == "<note>" and spoken[place + 1] == "say"
        }
    assert told == {WRONG, RIGHT}


def test_without_notes_the_draws_are_those_of_the_shipped_models() -> None:
    spec = ROSTER["critic_a"]
    assert spec.sample(Random(5)).tokens == spec.draw(Random(5)).tokens
    noted = spec.sample(Random(5), notes=1.0)
    assert "<note>" in [vocabulary()[token] for token in noted.tokens]
    assert ROSTER["base"].sample(Random(5), notes=1.0).tokens == ROSTER["base"].draw(Random(5)).tokens


def test_a_share_of_notes_is_a_share(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"notes: 1\.5 is not accepted; expected a share from 0 to 1"):
        train_world(tmp_path, ["critic_a"], notes=1.5)
