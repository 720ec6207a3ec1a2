"""`oversight audit token`: who may use the page of a run."""

from __future__ import annotations

import time
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from constitutions.errors import InputError
from experiments.audit.page.text import span
from experiments.audit.run_queue import existing_queue
from hierarchy.audit.access import Grant, Role
from hierarchy.audit.safe_text import visible

_DAY = 86_400.0


def add_command(run: Path, name: str, role: Role, days: float, database: str | None = None) -> None:
    """`oversight audit token add`: print a new token, this once."""
    if not 0 < days <= 3_650:
        raise InputError(f"--days {days:g}; accepted: more than 0, at most 3650")
    with existing_queue(run, database) as queue:
        token = queue.access.add(name, role, time.time(), days * _DAY)
    print(token)
    Console(stderr=True, soft_wrap=True).print(
        Text(f"the token of {visible(name)} ({role.value}), for {span(days * _DAY)}; it is shown this once")
    )


def list_command(run: Path, database: str | None = None) -> None:
    """`oversight audit token list`."""
    with existing_queue(run, database) as queue:
        grants = queue.access.grants()
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("name", "role", "state"):
        table.add_column(name, no_wrap=True)
    for grant in grants:
        table.add_row(Text(visible(grant.name)), grant.role.value, _state(grant, time.time()))
    Console().print(table if grants else "nobody has a token")


def _state(grant: Grant, now: float) -> str:
    if grant.revoked:
        return "revoked"
    return f"valid for {span(grant.expires_at - now)}" if grant.live(now) else "expired"


def revoke_command(run: Path, name: str, database: str | None = None) -> None:
    """`oversight audit token revoke`."""
    with existing_queue(run, database) as queue:
        queue.access.revoke(name, time.time())
    Console(soft_wrap=True).print(Text(f"the token of {visible(name)} opens nothing any more; their sessions are over"))
