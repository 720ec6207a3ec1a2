"""Rows know where they are among others, however both were picked."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from hierarchy.latent.block import LatentBlock
from hierarchy.latent.cases import LatentCases
from hierarchy.latent.crew import latent_crew
from hierarchy.latent.rows import Rows
from hierarchy.oversee import oversee
from tests.hierarchy.latent.test_planes import PLANS, SPECS, arm_of

N = 40


def family(seed: int) -> list[Rows]:
    """Rows picked at random from one another: exclusive ways, ways that may overlap, and joins of both."""
    dice = np.random.default_rng(seed)
    everybody = Rows(N)
    known = [everybody]
    for split in range(8):
        whole = known[dice.integers(len(known))]
        mask = dice.random(len(whole)) < 0.5
        known += [whole.where(mask, split), whole.where(~mask, split)]
        known.append(whole.where(dice.random(len(whole)) < 0.5))
        known.append(everybody.any_of([known[i] for i in dice.choice(len(known), 2, replace=False)]))
    return [rows for rows in known if len(rows)]


@pytest.mark.parametrize("seed", range(20))
def test_every_row_is_found_where_it_is(seed: int) -> None:
    known = family(seed)
    for rows in known:
        assert len(set(rows.at.tolist())) == len(rows) == len(rows.at)
        for other in known:
            place = rows.among(other, N)
            here = np.isin(rows.at, other.at)
            if place is None:
                assert not here.any()
                continue
            ran, places = place
            np.testing.assert_array_equal(np.ones(len(rows), bool) if ran is None else ran, here)
            where = np.arange(len(rows)) if places is None else places
            np.testing.assert_array_equal(other.at[where[here]], rows.at[here])


def test_a_join_of_overlapping_ways_has_every_case_once() -> None:
    everybody = Rows(6)
    low, even = everybody.where(np.arange(6) < 4), everybody.where(np.arange(6) % 2 == 0)
    assert everybody.any_of([low, even]).at.tolist() == [0, 1, 2, 3, 4]


def test_a_code_is_written_where_the_rows_are() -> None:
    everybody = Rows(6)
    some = everybody.where(np.array([1, 0, 1, 1, 0, 1], bool))
    column = np.zeros(6, np.int8)
    some.where(np.array([1, 0, 0, 1], bool)).mark(column, np.int8(3))
    everybody.where(np.array([0, 1, 0, 0, 1, 0], bool)).mark(column, np.int8(2))
    assert column.tolist() == [3, 2, 0, 0, 2, 3]


def test_a_block_is_freed_when_it_is_dropped() -> None:
    """No step's word holds on to the block: millions of cases need the memory of one block, without a collector."""
    arm = arm_of(PLANS["shipped layers"], **SPECS["missing"])
    block = LatentBlock(LatentCases.numbered(0, 100), arm.plan)
    gc.disable()
    try:
        oversee(block, arm.plan, latent_crew(arm))
        block.outcomes()
        gone = weakref.ref(block)
        del block
        assert gone() is None
    finally:
        gc.enable()
