"""Items carried out by processes on Ray: every one once, whatever dies."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hierarchy.ray_map import MOST_DEATHS, callers, ray_map

pytestmark = pytest.mark.usefixtures("ray_cluster")


def squares() -> Callable[[int], int]:
    return lambda item: item * item


def dying(folder: str, times: int) -> Callable[[int], int]:
    """A worker that is killed by item 3, as often as said."""

    def work(item: int) -> int:
        marks = list(Path(folder).iterdir())
        if item == 3 and len(marks) < times:
            (Path(folder) / str(os.getpid())).touch()
            os.kill(os.getpid(), 9)
        return item * item

    return work


def refusing() -> Callable[[int], int]:
    def work(item: int) -> int:
        raise ValueError(f"item {item} is refused")

    return work


def test_every_item_once() -> None:
    assert sorted(ray_map(squares, range(20), 2)) == [n * n for n in range(20)]
    assert list(ray_map(squares, [], 2)) == []


def test_items_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for n in range(50):
            taken.append(n)
            yield n

    results = ray_map(squares, items(), 1)
    next(results)
    assert len(taken) <= 4
    assert len(list(results)) == 49


def test_what_a_dead_worker_held_is_done_again(tmp_path: Path) -> None:
    found = sorted(ray_map(partial(dying, str(tmp_path), MOST_DEATHS - 1), range(8), 2))
    assert found == [n * n for n in range(8)]
    assert len(list(tmp_path.iterdir())) == MOST_DEATHS - 1


def test_an_item_that_kills_every_worker_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="workers died of one part of the work: 3"):
        list(ray_map(partial(dying, str(tmp_path), 99), [3], 1))


def test_what_a_worker_raises_is_raised() -> None:
    with pytest.raises(ValueError, match="item 7 is refused"):
        list(ray_map(refusing, [7], 1))


def test_processes_are_called_by_name(tmp_path: Path) -> None:
    makes: dict[str, Any] = {"squares": squares, "dying": partial(dying, str(tmp_path), 1)}
    with callers(makes) as call:
        assert call["squares"](5) == 25
        assert call["dying"](3) == 9  # it was made again
        assert len(list(tmp_path.iterdir())) == 1
