"""How templates write text. Reviewed text is hostile, so nothing reaches a page but through `finalize`, in one place.

Every value that a template prints is made visible (`hierarchy.audit.safe_text`), then escaped. Markdown is not read.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from experiments.audit.diff import word_diff
from experiments.report.wording import interval, number, percent
from hierarchy.audit.safe_text import visible

FOLDER = Path(__file__).parent
_CODE = re.compile(r"⟦U\+[0-9A-F]{4,6}⟧")
_UNITS = (("day", 86_400), ("h", 3_600), ("min", 60))


def environment() -> Environment:
    """The templates, with everything they print made visible and escaped."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(difference=word_diff)
    made.filters.update(marked=marked, span=span, percent=percent, interval=interval, number=number)
    return made


def shown(value: Any) -> Any:
    """What a template prints in place of a value: text with nothing unseen in it. Line feeds and tabs stay."""
    return visible(value, lines=True) if type(value) is str else value


def marked(text: str) -> Markup:
    """The text, escaped, with the code of every character that cannot be seen standing out."""
    return Markup(_CODE.sub(lambda code: f'<mark class="unseen">{code[0]}</mark>', str(escape(shown(str(text))))))


def span(seconds: float) -> str:
    """About how long: `4 min`, `2 h 10 min`, `3 days`."""
    left = max(seconds, 0.0)
    for i, (unit, size) in enumerate(_UNITS):
        if left >= size:
            whole = int(left // size)
            rest = int((left - whole * size) // 60) if unit == "h" else 0
            plural = "s" if i == 0 and whole > 1 else ""
            return f"{whole} {unit}{plural}" + (f" {rest} min" if rest else "")
    return "less than a minute"
