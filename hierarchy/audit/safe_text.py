"""Reviewed text is hostile: what would steer a terminal, reorder a line or hide in it is shown by its code point."""

from __future__ import annotations

import re
import unicodedata

# Control, format (bidi, zero-width, tags), surrogate, private, unassigned, line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters, marks and symbols that print as nothing: joiners, fillers, variation selectors, the empty Braille cell, the
# musical null notehead; and spaces that no script needs, which tell their widths to whoever measures them.
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159"
    + "".join(map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
    + "\u1680\u205f"
    + "".join(map(chr, range(0x2000, 0x200B)))
)
_MARKS = frozenset({"Mn", "Me"})
_MOST_MARKS = 6
_OPENS = "⟦"
_CODE = re.compile(r"⟦U\+([0-9A-F]{4,5}|10[0-9A-F]{4})⟧")


def visible(text: str, *, lines: bool = False) -> str:
    """The text with every control, bidi, zero-width, tag or otherwise unseen character written as `⟦U+202E⟧`.

    So are combining marks without a letter, those from the seventh on a letter on, and a `⟦` that would begin a forged
    code. The result has one line and is printable; with `lines`, line feeds and tabs stay as they are. `revealed` is
    its inverse. It says nothing about markup: a terminal or a page must escape its own as well.
    """
    if text.isascii() and text.isprintable():
        return text
    shown, marks = [], _MOST_MARKS
    for i, char in enumerate(text):
        kind = unicodedata.category(char)
        kept = lines and char in "\n\t"
        marks = marks + 1 if kind in _MARKS else _MOST_MARKS if kept else 0
        hides = kind in _UNSEEN or char in _BLANK or marks > _MOST_MARKS
        forges = char == _OPENS and _CODE.match(text, i) is not None
        shown.append(f"⟦U+{ord(char):04X}⟧" if (hides and not kept) or forges else char)
    return "".join(shown)


def revealed(shown: str) -> str:
    """The text that `visible` was given: every `⟦U+202E⟧` is the character again."""
    return _CODE.sub(lambda code: chr(int(code[1], 16)), shown)
