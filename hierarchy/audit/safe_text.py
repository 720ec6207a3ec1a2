"""Reviewed text is hostile: what would steer a terminal, reorder a line or hide in it is shown by its code point."""

from __future__ import annotations

import re
import unicodedata

# Control, format (bidi, zero-width, tags), surrogate, private, unassigned, line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters, marks and symbols that print as nothing: joiners, fillers, variation selectors, the empty Braille cell.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def visible(text: str, *, lines: bool = False) -> str:
    """The text with every control, bidi, zero-width, tag or otherwise unseen character written as `⟦U+202E⟧`.

    The result has one line and is printable; with `lines`, line feeds and tabs stay as they are. It says nothing about
    markup: a terminal or a page must escape its own as well.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(char, lines) for char in text)


def _shown(char: str, lines: bool) -> str:
    if lines and char in "\n\t":
        return char
    if unicodedata.category(char) in _UNSEEN or _BLANK.match(char):
        return f"⟦U+{ord(char):04X}⟧"
    return char
