"""Samples in the audit database: probabilities before the draw, one draw whatever happens, answers that stand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from constitutions.errors import InputError
from hierarchy.audit.design import DesignSpec
from hierarchy.audit.sample_store import Answer, Sample, SampleStore
from tests.experiments.commands import environment

IDS = [f"case-{i}" for i in range(50)]
SCORE = np.linspace(0.0, 1.0, 50)
DESIGN = DesignSpec(budget=12, floor=0.5)


def planned(folder: Path, design: DesignSpec = DESIGN) -> SampleStore:
    store = SampleStore.open(folder / "audit.sqlite", "run")
    store.plan("panel", design, IDS, SCORE, SCORE / 2)
    return store


def drawn(sample: Sample) -> list[str]:
    return sample.case_id_N[sample.drawn_N].tolist()


def test_probabilities_stand_in_the_database_before_anything_is_drawn(tmp_path: Path) -> None:
    with planned(tmp_path) as store, SampleStore.open(tmp_path / "audit.sqlite", "run") as other:
        before = other.sample("panel")
        assert not before.drawn
        assert not before.drawn_N.any()
        assert before.inclusion_N.sum() == pytest.approx(12)
        np.testing.assert_array_equal(before.score_N, SCORE)
        store.draw("panel")
        after = other.sample("panel")
    assert after.drawn_N.sum() == 12
    assert after.floor_N.sum() == 6
    np.testing.assert_array_equal(after.inclusion_N, before.inclusion_N)
    np.testing.assert_array_equal(after.model_N, SCORE / 2)


KILLED = """
import os, sys
import numpy as np
from hierarchy.audit.design import DesignSpec
from hierarchy.audit.sample_store import SampleStore
store = SampleStore.open(sys.argv[1], "run")
store.plan("panel", DesignSpec(budget=12), [f"case-{i}" for i in range(50)], np.linspace(0, 1, 50), np.zeros(50))
if sys.argv[2] == "drawn":
    print(*store.draw("panel"))
    sys.stdout.flush()
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("moment", ["planned", "drawn"])
def test_a_killed_program_cannot_draw_again_otherwise(tmp_path: Path, moment: str) -> None:
    words = [sys.executable, "-c", KILLED, str(tmp_path / "audit.sqlite"), moment]
    killed = subprocess.run(words, env=environment(), capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    with planned(tmp_path) as store:
        first = store.draw("panel")
        assert len(first) == 12
        assert moment == "planned" or killed.stdout.split() == first
        assert store.draw("panel") == first == drawn(store.sample("panel"))


def test_a_key_gives_the_same_draw_in_another_run_and_a_random_one_does_not(tmp_path: Path) -> None:
    found = []
    for name, key in (("a", "secret"), ("b", "secret"), ("c", None), ("d", None)):
        (tmp_path / name).mkdir()
        with planned(tmp_path / name, DESIGN.model_copy(update={"key": key})) as store:
            found.append(store.draw("panel"))
    assert found[0] == found[1]
    assert found[2] != found[3]


def test_a_sample_is_planned_once(tmp_path: Path) -> None:
    with planned(tmp_path, DESIGN.model_copy(update={"key": "secret"})) as store:
        assert not store.plan("panel", DESIGN, IDS, SCORE * 0, SCORE)
        with pytest.raises(InputError, match="drawn once"):
            store.plan("panel", DesignSpec(budget=13), IDS, SCORE, SCORE)
        with pytest.raises(InputError, match="another key"):
            store.plan("panel", DESIGN.model_copy(update={"key": "other"}), IDS, SCORE, SCORE)
        with pytest.raises(InputError, match="'single' of 'run' was not sampled"):
            store.draw("single")
        assert store.arms() == ["panel"]
        assert store.sample("panel").design.key is None  # it is not told


def test_of_several_answers_the_last_stands_and_a_policy_is_none(tmp_path: Path) -> None:
    with planned(tmp_path) as store:
        a, b, c, *_ = store.draw("panel")
        store.answer("panel", [Answer(a, True, "ana", 2.0), Answer(b, False, "ben", 1.0), Answer(c, None, "policy", 0)])
        store.answer("panel", [Answer(b, True, "cy", 1.5)])
        store.answer("panel", [])
        found = store.sample("panel")
    assert found.answered_N.sum() == 2
    assert set(found.case_id_N[found.violates_N]) == {a, b}
    assert found.minutes == 3.5


def test_an_arm_that_released_nothing_has_an_empty_sample(tmp_path: Path) -> None:
    with SampleStore.open(tmp_path / "audit.sqlite", "run") as store:
        store.plan("panel", DESIGN, [], np.array([]), np.array([]))
        assert store.draw("panel") == []
        assert len(store.sample("panel").case_id_N) == 0
