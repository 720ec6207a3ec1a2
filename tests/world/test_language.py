"""The language: every sentence can be read back, and every word has a token."""

from __future__ import annotations

from random import Random

import pytest

from experiments.world import critiques, replies
from experiments.world.draw import draw
from experiments.world.requests import FORMS, parse
from experiments.world.tokens import CHAT_TEMPLATE, encode, tokenizer, word_ids
from experiments.world.words import END, PAD, ROLE_MARKERS, SPECIAL, UNKNOWN, vocabulary
from experiments.world.wrappers import HELD_OUT_WRAPPER, WRAPPERS, rule_messages, unwrap, wrap

ALL_WRAPPERS = ("", *WRAPPERS, HELD_OUT_WRAPPER)


@pytest.mark.parametrize("kind", ["violating", "benign"])
@pytest.mark.parametrize("wrapper", ALL_WRAPPERS)
def test_what_is_asked_can_be_read_back_from_the_text(kind: str, wrapper: str) -> None:
    rng = Random(kind + wrapper)
    for _ in range(150):
        request = draw(rng, kind, rng.choice(("train", "validation", "test")))
        reading = unwrap(wrap(request, wrapper))
        assert (reading.request, reading.wrapper) == (request, wrapper)


def test_rules_in_the_conversation_are_read_back() -> None:
    request = draw(Random(0), "benign", "train")
    reading = unwrap((*rule_messages(("color", "pet")), *wrap(request, "tool")))
    assert reading.forbidden == ("color", "pet")
    assert reading.request == request


def test_every_topic_and_phrasing_is_drawn() -> None:
    rng = Random(1)
    seen = {
        (request.topic, request.form)
        for kind in ("violating", "benign")
        for request in (draw(rng, kind, "train") for _ in range(3000))
    }
    expected = {(topic, form) for topic, forms in FORMS.items() if topic != "rule" for form in range(len(forms))}
    assert seen == expected


@pytest.mark.parametrize("text", ["", "hello", "north what is the pet of ana ?", "mars : what is the pet of ana ?"])
def test_text_outside_the_language_is_not_read(text: str) -> None:
    assert parse(text) is None


def test_every_word_that_can_be_said_has_a_token() -> None:
    rng = Random(2)
    for _ in range(1500):
        request = draw(rng, rng.choice(("violating", "benign")), "train")
        said = [replies.reference(request), replies.falsehood(request, rng), replies.misconduct(request, rng)]
        said += [critiques.review(request, text, critiques.Beliefs()).text() for text in said]
        said += [message.content for message in wrap(request, rng.choice(ALL_WRAPPERS))]
        assert word_ids()[UNKNOWN] not in encode(" ".join(said))


def test_the_tokenizer_agrees_with_the_vocabulary_and_comes_back() -> None:
    made = tokenizer()
    text = "<user> north : tell me the pet of the boss of ana . <critic>"
    assert made(text)["input_ids"] == encode(text)
    assert made.decode(encode(text)) == text
    assert len(made) == len(vocabulary()) == len(set(vocabulary()))
    assert made.convert_ids_to_tokens(encode("gibberish")) == [UNKNOWN]


def test_every_marker_is_one_special_token() -> None:
    made = tokenizer()
    assert set(SPECIAL) <= set(made.all_special_tokens)
    assert all(len(made(marker)["input_ids"]) == 1 for marker in ROLE_MARKERS)
    assert (made.eos_token, made.pad_token) == (END, PAD)


def test_the_template_leaves_the_last_message_open() -> None:
    made = tokenizer()
    messages = [{"role": "user", "content": "hello"}, {"role": "critic", "content": ""}]
    assert made.chat_template == CHAT_TEMPLATE
    assert str(made.apply_chat_template(messages, tokenize=False)).split() == ["<user>", "hello", "<critic>"]
    asked = made.apply_chat_template(messages[:1], tokenize=False, add_generation_prompt=True)
    assert str(asked).split() == ["<user>", "hello", "<assistant>"]
