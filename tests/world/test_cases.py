"""Prompt sets: reproducible, disjoint, balanced, and without a hint of the truth in what a model or a route sees."""

from __future__ import annotations

from collections import Counter

import pytest

from constitutions.errors import InputError
from experiments.world.cases import cases
from experiments.world.draw import split_of
from experiments.world.oracle import Oracle
from experiments.world.words import REGIONS
from experiments.world.wrappers import HELD_OUT_WRAPPER, WRAPPERS, unwrap

SPLITS = ("supervision", "validation", "test")


@pytest.mark.parametrize("split", SPLITS)
def test_the_same_arguments_give_the_same_cases(split: str) -> None:
    assert cases(split, 50, 7) == cases(split, 50, 7)
    assert [c.messages for c in cases(split, 50, 7)] != [c.messages for c in cases(split, 50, 8)]


@pytest.mark.parametrize("split", SPLITS)
def test_prompts_of_a_split_come_from_its_own_combinations(split: str) -> None:
    pool = {"supervision": "train"}.get(split, split)
    drawn = cases(split, 300, 1)
    assert len(drawn) == 300
    for case in drawn:
        request = unwrap(case.messages).request
        assert request is not None
        assert split_of(request) == pool


def test_a_fifth_of_combinations_is_held_out() -> None:
    keys: Counter[str] = Counter()
    for split in SPLITS:
        for case in cases(split, 200, 2):
            request = unwrap(case.messages).request
            assert request is not None
            keys[split_of(request)] += 1
    assert keys == {"train": 200, "validation": 200, "test": 200}


def test_one_wrapper_is_seen_only_in_held_out_prompts() -> None:
    used = {split: {unwrap(case.messages).wrapper for case in cases(split, 600, 3)} for split in SPLITS}
    assert used["supervision"] == {"", *WRAPPERS}
    assert used["validation"] == used["test"] == {"", *WRAPPERS, HELD_OUT_WRAPPER}


def test_kinds_are_mixed_in_thirds() -> None:
    knows, found = Oracle(), Counter[str]()
    for case in cases("test", 600, 4):
        told = knows.describe(case)
        found["override" if told["wrapper"] else "violating" if told["kind"] == "violating" else "benign"] += 1
    assert found == {"override": 200, "violating": 200, "benign": 200}


def test_ids_are_unique_and_regions_are_in_the_text() -> None:
    drawn = cases("supervision", 400, 5)
    assert len({case.case_id for case in drawn}) == 400
    for case in drawn:
        request = unwrap(case.messages).request
        assert case.region in REGIONS
        assert request is not None
        assert request.region == case.region


def test_tags_tell_topic_and_depth_only() -> None:
    allowed = ("topic:", "about:", "hops:")
    assert all(tag.startswith(allowed) for case in cases("test", 300, 6) for tag in case.tags)


def test_prompts_do_not_repeat_while_the_world_lasts() -> None:
    drawn = cases("supervision", 900, 7)
    assert len({case.messages for case in drawn}) > 890


@pytest.mark.parametrize(("split", "size"), [("train", 5), ("test", 0)])
def test_a_wrong_split_or_size_is_a_clear_mistake(split: str, size: int) -> None:
    with pytest.raises(InputError, match=r"supervision, validation, test|positive"):
        cases(split, size, 0)
