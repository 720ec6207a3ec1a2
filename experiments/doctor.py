"""What this machine and this environment are, for bug reports and before long runs."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from constitutions.guard import ROOMS, owners_of, shadow_of

PACKAGES = (
    "oversight-simulator",
    "torch",
    "transformers",
    "accelerate",
    "peft",
    "safetensors",
    "ray",
    "numpy",
    "networkx",
    "pydantic",
    "pyarrow",
    "SQLAlchemy",
    "plotly",
    "typer",
    "rich",
)
"""The distributions whose versions are told."""


class State(StrEnum):
    """How a check came out: fine, worth knowing, or in the way of every run."""

    OK = "ok"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True)
class Check:
    """One thing looked at: its name, what was found, and whether that is fine."""

    name: str
    found: str
    state: State = State.OK


def examine() -> list[Check]:
    """Look at Python, packages, devices, SQLite, processors, memory and shadows. Changes nothing."""
    return [_python(), *map(_package, PACKAGES), _devices(), _sqlite(), *_machine(), *map(_room, ROOMS)]


def render(checks: Iterable[Check], console: Console | None = None) -> None:
    """Print the checks as a table, to the terminal unless another console is given."""
    table = Table("", "check", "found", box=None, pad_edge=False)
    marks = {State.OK: ("✓", "green"), State.NOTE: ("•", "yellow"), State.BAD: ("✗", "bold red")}
    for check in checks:
        mark, style = marks[check.state]
        table.add_row(Text(mark, style), Text(check.name), Text(check.found, overflow="fold"))
    (console or Console()).print(table)


def _python() -> Check:
    found = f"{platform.python_version()} at {sys.executable} on {platform.platform()}"
    return Check("python", found, State.OK if sys.version_info >= (3, 11) else State.BAD)


def _package(name: str) -> Check:
    try:
        return Check(name, metadata.version(name))
    except metadata.PackageNotFoundError:
        if name == "oversight-simulator":
            return Check(name, "not installed: it runs from the folder it lies in", State.NOTE)
        return Check(name, "not installed; make env installs it", State.BAD)


def _devices() -> Check:
    try:
        import torch  # heavy: only to list what it can compute on
    except ImportError as error:
        return Check("torch devices", f"torch cannot be loaded: {error}", State.BAD)
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return Check("torch devices", ", ".join(["cpu", *(f"cuda:{i} ({name})" for i, name in enumerate(gpus)), *mps]))


def _sqlite() -> Check:
    if any(shadow_of(room) is not None for room in ("agents", "hierarchy")):
        return Check("sqlite", sqlite3.sqlite_version)
    from hierarchy.database import pragmas  # not at the top: with a shadowed `agents` that room refuses to load

    settings = pragmas(sqlite3.sqlite_version_info)
    found = f"{sqlite3.sqlite_version}: {', '.join(settings)}"
    if "journal_mode=WAL" in settings:
        return Check("sqlite", found)
    return Check("sqlite", f"{found} (too old for several writers in WAL mode: safe, and slower)", State.NOTE)


def _machine() -> list[Check]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return [
        Check("processors", f"{cores} usable"),
        Check("memory", f"{memory:.1f} GiB"),
        Check("disk", f"{free:.1f} GiB free here", State.OK if free > 1 else State.NOTE),
    ]


def _room(name: str) -> Check:
    place, others = shadow_of(name), owners_of(name)
    if place is not None:
        owner = f" (owner: {', '.join(others)})" if others else ""
        return Check(name, f"shadowed: import {name} loads {place}{owner}; remove it from this environment", State.BAD)
    if others:
        return Check(name, f"ours, but {', '.join(others)} brings a package of this name too", State.NOTE)
    return Check(name, "ours")
