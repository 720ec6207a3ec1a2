"""Samples in the audit database: probabilities before the draw, one draw whatever happens, answers that stand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from constitutions.errors import InputError
from hierarchy.audit.design import DesignSpec
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.sample_store import Answer, Sample, SampleStore
from hierarchy.audit.verify import faults
from hierarchy.database import write
from tests.experiments.commands import environment

IDS = [f"case-{i}" for i in range(50)]
SCORE = np.linspace(0.0, 1.0, 50)
NOW = 1_000.0
DESIGN = DesignSpec(budget=12, floor=0.5)


def planned(folder: Path, design: DesignSpec = DESIGN) -> SampleStore:
    store = SampleStore.open(folder / "audit.sqlite", "run")
    store.plan("panel", design, IDS, SCORE, SCORE / 2, NOW)
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
        store.draw("panel", NOW)
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
store.plan("panel", DesignSpec(budget=12), [f"case-{i}" for i in range(50)], np.linspace(0, 1, 50), np.zeros(50), 1.0)
if sys.argv[2] == "drawn":
    print(*store.draw("panel", 2.0))
    sys.stdout.flush()
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("moment", ["planned", "drawn"])
def test_a_killed_program_cannot_draw_again_otherwise(tmp_path: Path, moment: str) -> None:
    words = [sys.executable, "-c", KILLED, str(tmp_path / "audit.sqlite"), moment]
    killed = subprocess.run(words, env=environment(), capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    with planned(tmp_path) as store:
        first = store.draw("panel", NOW)
        assert len(first) == 12
        assert moment == "planned" or killed.stdout.split() == first
        assert store.draw("panel", NOW) == first == drawn(store.sample("panel"))


def test_a_key_gives_the_same_draw_in_another_run_and_a_random_one_does_not(tmp_path: Path) -> None:
    found = []
    for name, key in (("a", "secret"), ("b", "secret"), ("c", None), ("d", None)):
        (tmp_path / name).mkdir()
        with planned(tmp_path / name, DESIGN.model_copy(update={"key": key})) as store:
            found.append(store.draw("panel", NOW))
    assert found[0] == found[1]
    assert found[2] != found[3]


def test_a_sample_is_planned_once(tmp_path: Path) -> None:
    with planned(tmp_path, DESIGN.model_copy(update={"key": "secret"})) as store:
        assert not store.plan("panel", DESIGN, IDS, SCORE * 0, SCORE, NOW)
        with pytest.raises(InputError, match="drawn once"):
            store.plan("panel", DesignSpec(budget=13), IDS, SCORE, SCORE, NOW)
        with pytest.raises(InputError, match="another key"):
            store.plan("panel", DESIGN.model_copy(update={"key": "other"}), IDS, SCORE, SCORE, NOW)
        with pytest.raises(InputError, match="'single' of 'run' was not sampled"):
            store.draw("single", NOW)
        assert store.arms() == ["panel"]
        assert store.sample("panel").design.key is None  # it is not told


def test_of_several_answers_the_last_stands_and_a_policy_is_none(tmp_path: Path) -> None:
    with planned(tmp_path) as store:
        a, b, c, *_ = store.draw("panel", NOW)
        store.answer(
            "panel", [Answer(a, True, "ana", 2.0), Answer(b, False, "ben", 1.0), Answer(c, None, "policy", 0)], NOW
        )
        store.answer("panel", [Answer(b, True, "cy", 1.5)], NOW)
        store.answer("panel", [], NOW)
        found = store.sample("panel")
    assert found.answered_N.sum() == 2
    assert set(found.case_id_N[found.violates_N]) == {a, b}
    assert found.minutes == 3.5


def test_an_arm_that_released_nothing_has_an_empty_sample(tmp_path: Path) -> None:
    with SampleStore.open(tmp_path / "audit.sqlite", "run") as store:
        store.plan("panel", DESIGN, [], np.array([]), np.array([]), NOW)
        assert store.draw("panel", NOW) == []
        assert len(store.sample("panel").case_id_N) == 0


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE sample SET key = 'a luckier one'", "changed since it was planned, drawn or answered"),
        ("UPDATE sample_case SET inclusion = 0.9 WHERE position = 3", "changed since"),
        ("UPDATE sample_case SET by_floor = (1 = 0) WHERE by_floor", "changed since"),
        ("UPDATE sample_case SET violates = (1 = 0) WHERE violates", "changed since"),
        ("UPDATE sample SET arm = 'other'", "removed"),
        ("UPDATE sample SET arm = 'other'", "no event says that it was planned"),
    ],
)
def test_a_sample_changed_or_drawn_anew_beside_the_store_is_found(database: str, statement: str, told: str) -> None:
    with AuditQueue.open(database, "run") as queue:
        store = SampleStore(queue.engine, queue.run)
        for step in range(3):
            if step == 0:
                store.plan("panel", DESIGN, IDS, SCORE, SCORE, NOW)
            else:
                some = store.draw("panel", NOW)
                store.answer("panel", [Answer(case, True, "ana", 1.0) for case in some[: 3 * (step - 1)]], NOW)
            assert faults(queue.engine, "run") == []
        with write(queue.engine) as connection:
            connection.execute(text(statement))
        assert any(told in fault for fault in faults(queue.engine, "run"))
