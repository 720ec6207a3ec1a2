"""The tables of the audit database, in SQLAlchemy Core.

One database may hold several runs. Leases are never deleted: the item's `fence` says which of them counts.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

ITEM = Table(
    "item",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", Text, nullable=False),
    Column("arm", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("round", Integer, nullable=False),
    Column("input_hash", BigInteger, nullable=False),
    Column("priority", Float(53), nullable=False),
    Column("tie", BigInteger, nullable=False),
    Column("enqueued_at", Float(53), nullable=False),
    Column("due_at", Float(53), nullable=False),
    Column("state", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("payload", Text, nullable=False),
    Column("hidden", Text),
    UniqueConstraint("run", "arm", "case_id", "step", "epoch"),
)
Index("item_order", ITEM.c.run, ITEM.c.state, ITEM.c.priority.desc(), ITEM.c.due_at, ITEM.c.tie)
Index("item_case", ITEM.c.run, ITEM.c.case_id)

LEASE = Table(
    "lease",
    metadata,
    Column("token", Text, primary_key=True),
    Column("item_id", ForeignKey("item.id"), nullable=False),
    Column("fence", Integer, nullable=False),
    Column("auditor", Text, nullable=False),
    Column("expires_at", Float(53), nullable=False),
    UniqueConstraint("item_id", "fence"),
)

# An item is (run, arm, case, step instance, epoch), so this is the promised key: one decision per auditor and round.
DECISION = Table(
    "decision",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("item_id", ForeignKey("item.id"), nullable=False),
    Column("auditor", Text, nullable=False),
    Column("round", Integer, nullable=False),
    Column("verdict", Integer, nullable=False),
    Column("text", Text),
    Column("latent", BigInteger),
    Column("label", Text),
    Column("comment", Text),
    Column("minutes", Float(53), nullable=False),
    Column("decided_at", Float(53), nullable=False),
    UniqueConstraint("item_id", "auditor", "round"),
)

OUTBOX = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("item_id", ForeignKey("item.id"), nullable=False, unique=True),
    Column("decision_id", ForeignKey("decision.id"), nullable=False),
    Column("applied", Boolean, nullable=False),
)
Index("outbox_applied", OUTBOX.c.applied)
