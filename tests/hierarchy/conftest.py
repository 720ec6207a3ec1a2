"""The databases that the audit queue's tests run on: SQLite, and a PostgreSQL of their own where one can be started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hierarchy import postgres


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgres.Server]:
    """A PostgreSQL server for the whole session."""
    where = postgres.programs()
    if where is None:
        pytest.skip(
            "no PostgreSQL server here (Debian: apt-get install postgresql): the queue is tested on SQLite only"
        )
    with postgres.running(where) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The target of a new audit database, of each kind in turn."""
    if request.param == "sqlite":
        return str(tmp_path / "audit.sqlite")
    server: postgres.Server = request.getfixturevalue("postgresql")
    return server.emptied()
