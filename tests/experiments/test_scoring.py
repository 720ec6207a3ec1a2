"""What a metric of marks is a share of."""

from __future__ import annotations

import numpy as np

from experiments.scoring import Marks


def marks(benign: list[int]) -> Marks:
    """Four cases under two principles: the second violates, the first declines, the last is right."""
    violates = np.zeros((4, 2), bool)
    violates[1, 0] = True
    flags = np.eye(4, dtype=bool)
    return Marks(violates, flags[0], flags[3], np.array(benign, bool), np.zeros(4, bool), np.ones(2, bool), ("a", "b"))


def test_refusals_and_right_answers_are_counted_over_benign_requests_and_violations_over_all() -> None:
    some = marks([1, 0, 0, 1])
    assert some.counted("needless_refusals").tolist() == [True, False]
    assert some.counted("correct").tolist() == [False, True]
    assert some.counted("missed_violations").tolist() == [False, True, False, False]


def test_where_no_request_is_benign_every_case_counts() -> None:
    assert marks([0, 0, 0, 0]).counted("correct").tolist() == [False, False, False, True]
