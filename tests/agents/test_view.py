"""Equal input hashes are equal questions: answers are recalled by them, across steps and arms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from agents import rng
from agents.columns import Output, Width
from agents.view import View
from agents.vocabulary import Role
from tests.agents.makers import candidates, cases, constitution, critic_output

PRINT = rng.key("agent")
HEARD = critic_output(2, 1, ["a", "b"])
SEEN = View(Role.CRITIC, cases(["p", "q"]), constitution(), subject=candidates([["x"], ["y"]]))
CHANGES: dict[str, Callable[[View], View]] = {
    "another text": lambda v: replace(v, subject=candidates([["z"], ["z"]])),
    "another latent": lambda v: replace(v, subject=candidates([["x"], ["y"]], latent=1)),
    "another revision": lambda v: replace(v, subject=candidates([["x"], ["y"]], revision=1)),
    "no subject": lambda v: replace(v, subject=None),
    "another prompt": lambda v: replace(v, cases=replace(v.cases, messages_N=cases(["r", "s"]).messages_N)),
    "another round": lambda v: replace(v, round=1),
    "other bits": lambda v: replace(v, bits=(3, 4, 5)),
    "a critique to read": lambda v: replace(v, reads={"critic": HEARD}),
    "a critic to review": lambda v: replace(v, critic=HEARD),
    "a critic twice": lambda v: replace(v, reads={"one": HEARD, "two": HEARD}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_everything_a_step_may_read_is_in_its_input_hash(change: str) -> None:
    other = CHANGES[change](SEEN)
    assert not np.intersect1d(other.hashes(PRINT), SEEN.hashes(PRINT)).size
    everything = [made(SEEN).hashes(PRINT).tolist() for name, made in CHANGES.items() if name != change]
    assert other.hashes(PRINT).tolist() not in everything


def test_an_input_hash_belongs_to_the_row() -> None:
    np.testing.assert_array_equal(SEEN.take(np.array([1])).hashes(PRINT), SEEN.hashes(PRINT)[1:])
    assert (SEEN.hashes(PRINT) != SEEN.hashes(rng.key("another agent"))).all()


def test_bits_are_the_principles_own_places_unless_said() -> None:
    assert SEEN.bits == (0, 1, 2)
    assert replace(SEEN, bits=(4, 5, 6)).bits == (4, 5, 6)


def test_an_output_refuses_columns_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="chosen"):
        Output.of(Role.CRITIC, 2, Width(1, 3, 0), chosen=np.zeros(2))
    with pytest.raises(ValueError, match="finding_flag"):
        Output.of(Role.CRITIC, 2, Width(1, 3, 0), finding_flag=np.zeros((2, 3)))
