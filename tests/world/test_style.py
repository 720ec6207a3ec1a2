"""The prompt style: each role's question is what that role was trained on."""

from __future__ import annotations

import pytest

from agents.records import Message
from agents.style import load_style
from constitutions.constitution import load_constitution
from experiments.world.shipped import STYLE
from experiments.world.tokens import tokenizer, word_ids
from experiments.world.words import PRINCIPLES, SPECIAL

FILLED = {"response": "R", "critique": "C", "principle_id": "privacy", "first": "F", "second": "S"}
ASKED = {
    "base": "<user> Q <assistant>",
    "critique": "<user> Q <assistant> R <critic>",
    "verdict": "<user> Q <assistant> R <critic> C <verdict> privacy",
    "revise": "<user> Q <assistant> R <critic> C <reviser>",
    "revise_blind": "<user> Q <assistant> R <reviser>",
    "judge": "<user> Q <first> F <second> S <judge>",
    "safety": "<user> Q <assistant> R <safety> privacy",
    "override": "<user> Q <safety> override",
}


@pytest.mark.parametrize("name", sorted(ASKED))
def test_questions_end_where_the_model_goes_on(name: str) -> None:
    style = load_style(str(STYLE))
    messages = style.render(style.template(name), [(Message("user", "Q"),)], FILLED)[0]
    text = tokenizer().apply_chat_template(
        [{"role": one.role, "content": one.content} for one in messages],
        tokenize=False,
        add_generation_prompt=style.generation_prompt,
    )
    assert str(text).split() == ASKED[name].split()


def test_labels_and_principles_are_single_ordinary_tokens() -> None:
    labels = load_style(str(STYLE)).labels
    for word in (labels.violated, labels.fine, labels.first, labels.second, *PRINCIPLES):
        assert word in word_ids()
        assert word not in SPECIAL


def test_the_constitution_names_the_principles_of_the_oracle() -> None:

    assert set(load_constitution("microworld").ids) == set(PRINCIPLES)
