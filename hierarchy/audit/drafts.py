"""Drafts: what an auditor had written and not given yet. They outlive the lease, and nobody else sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine

from hierarchy.audit.claims import draft
from hierarchy.audit.find import item_at
from hierarchy.audit.records import ItemKey
from hierarchy.audit.schema import DRAFT
from hierarchy.database import dump, insert, read, write


@dataclass(frozen=True)
class Drafts:
    """The drafts of a run's auditors."""

    engine: Engine
    run: str

    def save(self, item: ItemKey, auditor: str, content: Mapping[str, Any], now: float) -> None:
        """Keep a draft (any JSON object), in place of the auditor's earlier one on the item; no lease is needed."""
        with write(self.engine) as connection:
            keep(connection, item_at(connection, self.run, item).id, auditor, content, now)

    def of(self, item: ItemKey, auditor: str) -> dict[str, Any] | None:
        """The auditor's draft, None where there is none."""
        with read(self.engine) as connection:
            found: dict[str, Any] | None = draft(connection, item_at(connection, self.run, item).id, auditor)
            return found


def keep(connection: Connection, item_id: int, auditor: str, content: Mapping[str, Any], now: float) -> None:
    """Write a draft inside a transaction."""
    value = {"saved_at": now, "content": dump(dict(content))}
    statement = insert(connection, DRAFT).values({"item_id": item_id, "auditor": auditor, **value})
    connection.execute(statement.on_conflict_do_update(index_elements=["item_id", "auditor"], set_=value))
