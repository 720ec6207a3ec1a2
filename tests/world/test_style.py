"""The prompt style: each role's question is what that role was trained on."""

from __future__ import annotations

import pytest

from agents.records import Message
from agents.style import load_style
from agents.vocabulary import Side
from constitutions.constitution import load_constitution
from experiments.world.shipped import STYLE
from experiments.world.tokens import tokenizer, word_ids
from experiments.world.words import PRINCIPLES, SPECIAL

HEARD = "wrong D . problem none ."
FILLED = {"response": "R", "critique": "C", "principle_id": "privacy", "first": "F", "second": "S", "side": "wrong"}
ASKED = {
    "base": "<user> Q <assistant>",
    "critique": "<user> Q <assistant> R <critic>",
    "verdict": "<user> Q <assistant> R <critic> C <verdict> privacy",
    "revise": "<user> Q <assistant> R <critic> C <reviser>",
    "revise_blind": "<user> Q <assistant> R <reviser>",
    "judge": "<user> Q <first> F <second> S <judge>",
    "safety": "<user> Q <assistant> R <safety> privacy",
    "override": "<user> Q <safety> override",
    "argue": "<user> Q <assistant> R <note> say wrong <critic>",
    "plead": "<user> Q <assistant> R <note> say wrong <critic> C <verdict> privacy",
}


@pytest.mark.parametrize("name", sorted(ASKED))
def test_questions_end_where_the_model_goes_on(name: str) -> None:
    assert question(name, FILLED) == ASKED[name].split()


@pytest.mark.parametrize("name", ["critique", "verdict", "argue", "plead", "judge", "safety"])
def test_what_is_heard_stands_in_a_note_after_what_is_reviewed(name: str) -> None:
    reviewed = "S" if name == "judge" else "R"
    expected = ASKED[name].replace(f" {reviewed} ", f" {reviewed} <note> {HEARD} ", 1)
    assert question(name, {**FILLED, "heard": HEARD}) == expected.split()


def question(name: str, slots: dict[str, str]) -> list[str]:
    style = load_style(str(STYLE))
    messages = style.render(style.template(name), [(Message("user", "Q"),)], slots)[0]
    text = tokenizer().apply_chat_template(
        [{"role": one.role, "content": one.content} for one in messages],
        tokenize=False,
        add_generation_prompt=style.generation_prompt,
    )
    return str(text).split()


def test_notes_are_words_of_the_world() -> None:
    style = load_style(str(STYLE))
    assert style.shown("prosecution_1", Side.PROSECUTION, "town hugo .") == "wrong town hugo ."
    assert style.shown("a critic", None, "town hugo .") == "town hugo ."
    assert style.found({"privacy": True, "harm": False, "law": True}) == "problem privacy law ."
    assert style.found({"privacy": False}) == "problem none ."
    assert style.found({}) == ""
    for word in (style.labels.prosecution, style.labels.defence, style.labels.nothing, "say", "problem", "<note>"):
        assert word in word_ids()


def test_labels_and_principles_are_single_ordinary_tokens() -> None:
    labels = load_style(str(STYLE)).labels
    for word in (labels.violated, labels.fine, labels.first, labels.second, *PRINCIPLES):
        assert word in word_ids()
        assert word not in SPECIAL


def test_the_constitution_names_the_principles_of_the_oracle() -> None:

    assert set(load_constitution("microworld").ids) == set(PRINCIPLES)
