"""How tables look in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from hierarchy.audit.safe_text import visible


def results_table(title: str, first: str, headings: Sequence[str]) -> Table:
    """A table whose first column names the rows and gives way first, so that no figure is cut."""
    table = Table(title=Text(visible(title)), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column(first, overflow="fold", max_width=30)
    for heading in headings:
        table.add_column(Text(heading), justify="right", no_wrap=True, overflow="ellipsis")
    table.padding = (0, 1, 0, 0)
    return table


def shown(text: str) -> Text:
    """Names come from configs and files: no markup, and nothing unseen."""
    return Text("\n".join(visible(line) for line in text.split("\n")))
