"""A desk for each test: a run's queue, its page, and people with tokens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.experiments.audit_page.run import Desk, case, open_desk
from tests.hierarchy.graphs import without_syncing


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A run with six cases that wait, in SQLite."""
    without_syncing(monkeypatch)
    with open_desk(tmp_path / "run") as made:
        made.queue.enqueue([case(n) for n in range(6)])
        yield made


@pytest.fixture
def anywhere(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The same, in SQLite and in PostgreSQL."""
    without_syncing(monkeypatch)
    with open_desk(tmp_path / "run", database) as made:
        made.queue.enqueue([case(n) for n in range(6)])
        yield made
