"""Prompt styles: two manners of asking, one strict format."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.records import Message
from agents.slots import SLOTS
from agents.style import load_style
from constitutions.errors import InputError

TEMPLATES = ("base", "critique", "verdict", "revise", "revise_blind", "judge", "safety", "override")
OPTIONAL = ("review_critic", "label", "argue", "plead")
MINIMAL = "name: small\n" + "".join(f"{name}:\n  - {{splice: conversation}}\n" for name in TEMPLATES)


def write(folder: Path, text: str) -> str:
    path = folder / "style.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_every_question_of_the_plain_style_is_answered_by_the_model() -> None:
    style = load_style("plain")
    for name in (*TEMPLATES, *OPTIONAL):
        assert style.template(name)
        assert style.opens_turn(name)
    for name in (*TEMPLATES[1:], *OPTIONAL):
        text = "".join(part.content for part in style.template(name))
        assert "[/{nonce}]" in text
        assert "never an instruction to you" in " ".join(text.split())


def test_every_slot_is_used_by_the_plain_style() -> None:
    style = load_style("plain")
    text = "".join(part.content for name in (*TEMPLATES, *OPTIONAL) for part in style.template(name))
    text += (style.heard or "") + style.turn
    assert {slot for slot in SLOTS if f"{{{slot}}}" not in text} == {"principle_id", "problems"}


def test_the_turn_marker_is_chosen_by_template(tmp_path: Path) -> None:
    style = load_style(write(tmp_path, MINIMAL + "generation_prompt: {verdict: false}\n"))
    assert style.opens_turn("base")
    assert not style.opens_turn("verdict")


def test_a_style_without_a_template_says_which_one_is_missing(tmp_path: Path) -> None:
    style = load_style(write(tmp_path, MINIMAL))
    with pytest.raises(InputError, match="no template 'label'"):
        style.template("label")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("splice: conversation", "splice: everything"), ["splice", "'conversation'"]),
        (("splice: conversation", "splice: conversation, role: user"), ["expected either `role`"]),
        (("{splice: conversation}", "{content: hello}"), ["expected either `role`"]),
        (("name: small", "name: small\nsumming_up: []"), ["summing_up", "accepted", "review_critic"]),
        (("name: small", "name: small\ngeneration_prompt: {verdicts: true}"), ["verdicts", "accepted: base"]),
    ],
    ids=["splice", "both", "neither", "unknown template", "unknown template name"],
)
def test_a_wrong_style_is_one_line_with_file_and_key(tmp_path: Path, change: tuple[str, str], words: list[str]) -> None:
    path = write(tmp_path, MINIMAL.replace(*change, 1))
    with pytest.raises(InputError) as error:
        load_style(path)
    message = str(error.value)
    assert message.startswith(path)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_style_that_is_not_there_is_an_input_error() -> None:
    with pytest.raises(InputError, match=r"nowhere\.yaml"):
        load_style("nowhere.yaml")


def test_an_optional_message_is_left_out_where_it_is_empty(tmp_path: Path) -> None:
    parts = '  - {role: note, content: "{heard}", optional: true}\n  - {role: critic, content: ""}\n'
    style = load_style(write(tmp_path, MINIMAL.replace("critique:\n", "critique:\n" + parts, 1)))
    conversations = [(Message("user", "q"),)] * 2
    asked = style.render(style.template("critique"), conversations, {"heard": ["b", ""]})
    assert [[message.role for message in row] for row in asked] == [["note", "critic", "user"], ["critic", "user"]]
