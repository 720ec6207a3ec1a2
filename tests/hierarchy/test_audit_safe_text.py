from __future__ import annotations

import unicodedata

import pytest

from hierarchy.audit.safe_text import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, ünïcödé, 日本語, e\u0301", "plain text, ünïcödé, 日本語, e\u0301"),
        ("\x1b[2J\x07\x9b", "⟦U+001B⟧[2J⟦U+0007⟧⟦U+009B⟧"),
        ("safe\u202eevil", "safe⟦U+202E⟧evil"),
        ("\u2066a\u2069", "⟦U+2066⟧a⟦U+2069⟧"),
        ("re\u200bject\ufeff\u00ad", "re⟦U+200B⟧ject⟦U+FEFF⟧⟦U+00AD⟧"),
        ("hi\U000e0041\U000e0042", "hi⟦U+E0041⟧⟦U+E0042⟧"),
        ("x\ufe0f\U000e0100\u3164\u2800\u115f", "x⟦U+FE0F⟧⟦U+E0100⟧⟦U+3164⟧⟦U+2800⟧⟦U+115F⟧"),
        ("one\ntwo\r\u2028three\tfour", "one⟦U+000A⟧two⟦U+000D⟧⟦U+2028⟧three⟦U+0009⟧four"),
        ("\ud800", "⟦U+D800⟧"),
    ],
)
def test_what_hides_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_lines_keep_line_feeds_and_tabs_only() -> None:
    assert visible("a\n\tb\r\x0b", lines=True) == "a\n\tb⟦U+000D⟧⟦U+000B⟧"


def test_no_character_of_the_unseen_categories_gets_through() -> None:
    everything = visible("".join(map(chr, range(0x110000))))
    assert not {unicodedata.category(c) for c in everything} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
