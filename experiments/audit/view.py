"""Waiting cases on a terminal. Reviewed text is hostile: what is unseen is made visible, and markup is never read."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich import box
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from experiments.audit.accuracy import AuditorAccuracy, Share
from experiments.audit.critiques import CriticAudit
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
        cells = [item.case_id, item.arm, item.step, f"{item.priority:.2f}", age(now - item.enqueued_at), response]
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


def proposal_panel(item: Item) -> Panel:
    """A proposal: what it changes, why, what it did where it was tried, and the change itself."""
    said = item.payload
    lines = [f"{said['of']}, proposed by {said['by']}: {said['why']}"]
    lines += [
        f"{m['metric']}: {m['before']:g} before, {m['after']:g} after; difference {m['after'] - m['before']:+g} "
        f"[{m['low']:+g}, {m['high']:+g}] on {m['cases']} cases"
        for m in said["measured"]
    ]
    lines += [f"measured by: {said['command']}", "", *str(said["change"]).split("\n")]
    title = Text(visible(f"{item.case_id} · {said['title']}"))
    return Panel(Text("\n".join(visible(line) for line in lines)), title=title)


def accuracy_table(auditors: Sequence[AuditorAccuracy]) -> Table:
    """A row per auditor: gold cases answered right, sensitivity and specificity on gold, and both by Dawid-Skene."""
    table = Table(box=box.SIMPLE_HEAD, title="auditors, with exact intervals at 95 %", title_justify="left")
    for name in ("auditor", "decided", "gold right", "sensitivity", "specificity", "Dawid-Skene"):
        table.add_column(name, no_wrap=True)
    for one in auditors:
        estimated = " / ".join("-" if rate is None else f"{rate:.2f}" for rate in one.estimated)
        shares = [_share(share) for share in (one.right, one.sensitivity, one.specificity)]
        table.add_row(Text(visible(one.auditor)), str(one.decisions), *shares, estimated)
    return table


def critics_table(critics: Sequence[CriticAudit]) -> Table:
    """A row per critic: critiques that wait, and of those read how many were right, and right for a wrong reason."""
    table = Table(box=box.SIMPLE_HEAD, title="critiques sampled for audit", title_justify="left")
    for name in ("arm", "critic", "wait", "right", "for a wrong reason"):
        table.add_column(name, no_wrap=True)
    for one in critics:
        cells = [Text(visible(one.arm)), Text(visible(one.step))]
        table.add_row(*cells, str(one.waiting), _share(one.right), _share(one.wrong_reason))
    return table


def _share(share: Share) -> str:
    low, high = share.interval
    return "-" if share.value is None else f"{share.value:.2f} [{low:.2f}, {high:.2f}] of {share.n}"


def age(seconds: float) -> str:
    """A time as people say it: 3 min, 2 h, 5 d."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
