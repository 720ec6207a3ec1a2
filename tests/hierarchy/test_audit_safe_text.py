from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hierarchy.audit.safe_text import revealed, visible
from tests.hostile import GROUPS, HOSTILE, storable

UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, ünïcödé, 日本語, e\u0301, 10\u00a0%", "plain text, ünïcödé, 日本語, e\u0301, 10\u00a0%"),
        ("\x1b[2J\x07\x9b", "⟦U+001B⟧[2J⟦U+0007⟧⟦U+009B⟧"),
        ("safe\u202eevil", "safe⟦U+202E⟧evil"),
        ("\u2066a\u2069", "⟦U+2066⟧a⟦U+2069⟧"),
        ("re\u200bject\ufeff\u00ad", "re⟦U+200B⟧ject⟦U+FEFF⟧⟦U+00AD⟧"),
        ("hi\U000e0041\U000e0042", "hi⟦U+E0041⟧⟦U+E0042⟧"),
        ("x\ufe0f\U000e0100\u3164\u2800\u115f", "x⟦U+FE0F⟧⟦U+E0100⟧⟦U+3164⟧⟦U+2800⟧⟦U+115F⟧"),
        ("one\ntwo\r\u2028three\tfour", "one⟦U+000A⟧two⟦U+000D⟧⟦U+2028⟧three⟦U+0009⟧four"),
        ("\ud800", "⟦U+D800⟧"),
        ("a\u2009b\u1680c", "a⟦U+2009⟧b⟦U+1680⟧c"),
        ("a" + "\u0301" * 8, "a" + "\u0301" * 6 + "⟦U+0301⟧" * 2),
        ("\u0336first", "⟦U+0336⟧first"),
        ("⟦U+202E⟧ and ⟦so", "⟦U+27E6⟧U+202E⟧ and ⟦so"),
    ],
)
def test_what_hides_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_lines_keep_line_feeds_and_tabs_only() -> None:
    assert visible("a\n\tb\r\x0b", lines=True) == "a\n\tb⟦U+000D⟧⟦U+000B⟧"


def test_no_character_of_the_unseen_categories_gets_through() -> None:
    everything = visible("".join(map(chr, range(0x110000))))
    assert not {unicodedata.category(c) for c in everything} & UNSEEN
    assert {c for c in everything if unicodedata.category(c) == "Zs"} == {" ", "\u00a0", "\u202f", "\u3000"}


def check(text: str) -> None:
    for lines in (False, True):
        shown = visible(text, lines=lines)
        kept = "\n\t" if lines else ""
        assert not {unicodedata.category(c) for c in shown if c not in kept} & UNSEEN
        assert revealed(shown) == text, "nothing is lost, and no two texts look the same"


def test_every_hostile_string_is_shown_whole() -> None:
    for text in HOSTILE:
        check(text)


STEERING = st.sampled_from([c for c in "\x1b\u202e\u2066\u200b\ufe0f\U000e0041\u0301⟦⟧U+0123456789ABCDEF \n\t"])


@given(st.text() | st.text(STEERING) | st.lists(st.sampled_from(HOSTILE), max_size=3).map("".join))
def test_any_text_is_shown_whole(text: str) -> None:
    check(text)


@given(st.text(STEERING | st.characters()))
def test_whatever_an_auditor_types_can_be_read_back(typed: str) -> None:
    assert revealed(visible(revealed(typed))) == revealed(typed)


def test_the_corpus_is_what_it_says() -> None:
    assert len(HOSTILE) >= 200
    assert len(set(HOSTILE)) == len(HOSTILE)
    assert sum(map(len, GROUPS.values())) - len(HOSTILE) < 10
    assert 0 < len(HOSTILE) - len(storable()) < 12
    assert not UNSEEN - {unicodedata.category(c) for text in HOSTILE for c in text}
