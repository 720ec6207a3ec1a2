"""The databases that the audit queue's tests run on: SQLite, and a PostgreSQL of their own where one can be started."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The target of a new audit database, of each kind in turn."""
    if request.param == "sqlite":
        return str(tmp_path / "audit.sqlite")
    server: postgres.Server = request.getfixturevalue("postgresql")
    return server.emptied()
