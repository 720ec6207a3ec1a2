"""Reviews: what one overseer that is asked in words made of some responses, in columns. Hidden layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.view import Objects


@dataclass(frozen=True, slots=True)
class Review:
    """What one step said of the cases that it ran on: n cases, K responses of each, P principles.

    Attributes:
        step: the step instance.
        case_id_N: the cases, and response_NK what was judged; None where there was nothing.
        principles: the ids of its principles.
        read_NKP: whether there is a verdict that could be read; `violated_NKP` and `confidence_NKP`, the larger
            probability of the two answers, are of these only.
        labels: its words for violated and for fine.
        critique_N: what it wrote of the first response; None where it wrote nothing.
        first_N: which response that is.
        borne_out_N: whether the last word on that response found the same violations (see `hierarchy.last_word`).
    """

    arm: str
    step: str
    case_id_N: Objects
    response_NK: Objects
    principles: tuple[str, ...]
    read_NKP: NDArray[np.bool_]
    violated_NKP: NDArray[np.bool_]
    confidence_NKP: NDArray[np.float64]
    labels: tuple[str, str]
    critique_N: Objects
    first_N: NDArray[np.int64]
    borne_out_N: NDArray[np.bool_]
