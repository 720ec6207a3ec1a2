"""Waiting cases on a terminal. Reviewed text is hostile: what is unseen is made visible, and markup is never read."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich import box
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hierarchy.audit.records import Item
from hierarchy.audit.safe_text import visible

_WIDTH = 48


def queue_table(items: Sequence[Item]) -> Table:
    """The queue in its order: case, arm, step, priority, age, and the start of the response under review."""
    table = Table(box=box.SIMPLE_HEAD, title=f"{len(items)} waiting")
    # Only the response may be cut: a case id is there to be typed.
    table.add_column("case", no_wrap=True, min_width=max((len(item.case_id) for item in items), default=0))
    for name in ("arm", "step", "priority", "waits"):
        table.add_column(name, no_wrap=True, min_width=len(name))
    table.add_column("response", no_wrap=True, overflow="ellipsis", max_width=_WIDTH)
    now = time.time()
    for item in items:
        response = visible(str(item.payload.get("response") or ""))
        cells = [item.case_id, item.arm, item.step, f"{item.priority:.2f}", _age(now - item.enqueued_at), response]
        table.add_row(*(Text(visible(cell)) for cell in cells))
    return table


def item_panel(item: Item, hidden: bool) -> Panel:
    """One case: the conversation, the response under review, and with `hidden` what reviewers found."""
    lines = [f"{m['role']}: {m['content']}" for m in item.payload.get("messages", [])]
    lines.append(f"response: {item.payload.get('response') or ''}")
    if hidden:
        for review in (item.hidden or {}).get("reviews", []):
            flagged = ", ".join(review.get("flagged", [])) or "nothing"
            lines.append(f"  {review['step']}: {review['verdict']}, flags {flagged}. {review.get('critique') or ''}")
    body = Text("\n".join(visible(line) for line in lines))
    return Panel(body, title=Text(visible(f"{item.case_id} · {item.arm} · {item.step}")))


def _age(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
