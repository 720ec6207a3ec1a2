"""What the overseers of an arm found and wrote, step by step, and which critiques the last word bore out.

Hidden layer. Only overseers that are asked in words have any. Their questions, word for word: `hierarchy.questions`.
"""

from __future__ import annotations

import numpy as np

from agents.listening import in_words
from agents.reviews import Review
from agents.style import load_style
from agents.view import objects
from agents.vocabulary import REVIEWERS
from hierarchy.arm import Arm
from hierarchy.block import Block
from hierarchy.last_word import LastWords
from hierarchy.plan import PlannedStep


def reviews(arm: Arm, block: Block) -> list[Review]:
    """The reviews of the arm's critics and safety models, in the order of the plan.

    Raises InputError for a simulated overseer.
    """
    words = LastWords(block)
    steps = [step for step in block.plan.steps if step.role in REVIEWERS and step.asked]
    return [_review(arm, block, step, words) for step in steps if block.ran[step.index].any()]


def _review(arm: Arm, block: Block, step: PlannedStep, words: LastWords) -> Review:
    agent = in_words(arm.agent(str(step.step.agent)))
    rows = np.flatnonzero(block.ran[step.index])
    view, said, label = block.view(step, rows), block.said(step.index).take(rows), load_style(agent.spec.style).labels
    assert view.subject is not None
    first = view.subject.present_NK.argmax(axis=1)  # of several candidates a critique is of the first
    borne_out = np.zeros(len(rows), bool)
    for candidate in np.unique(first).tolist():
        here = first == candidate
        borne_out[here] = words.bears_out(step, candidate)[rows[here]]
    return Review(
        arm=arm.name,
        step=step.name,
        case_id_N=view.cases.case_id_N,
        response_NK=view.subject.text_NK,
        principles=step.principles,
        read_NKP=said["finding_present"],
        violated_NKP=said["finding_flag"],
        confidence_NKP=said["finding_confidence"].astype(np.float64),
        labels=(label.violated, label.fine),
        critique_N=objects([text if text and text.strip() else None for text in said["critique"].tolist()]),
        first_N=first,
        borne_out_N=borne_out,
    )
