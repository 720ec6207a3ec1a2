"""The tables of the audit database, in SQLAlchemy Core.

One database may hold several runs. Leases are never deleted: `ended` says which of them are over before their time.
Nothing in `event` can be changed or removed: the database itself refuses.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
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
    event,
)

metadata = MetaData()

RUN = Table(
    "audit_run",
    metadata,
    Column("run", Text, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("hash", Text, nullable=False),
    Column("gold_share", Float(53), nullable=False),
)

ITEM = Table(
    "item",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", Text, nullable=False),
    Column("kind", Text, nullable=False),
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
    Column("answers", Integer, nullable=False),
    Column("reviewers", Integer, nullable=False),
    Column("blind", Boolean, nullable=False),
    Column("hide_model", Boolean, nullable=False),
    Column("payload", Text, nullable=False),
    Column("hidden", Text),
    Column("gold", Text),
    UniqueConstraint("run", "arm", "case_id", "step", "epoch"),
)
_ORDER = (ITEM.c.state, ITEM.c.priority.desc(), ITEM.c.due_at, ITEM.c.enqueued_at, ITEM.c.tie, ITEM.c.id)
Index("item_order", ITEM.c.run, ITEM.c.kind, *_ORDER)
Index("item_arm_order", ITEM.c.run, ITEM.c.kind, ITEM.c.arm, *_ORDER)
Index("item_case", ITEM.c.run, ITEM.c.case_id)
Index("item_due", ITEM.c.run, ITEM.c.state, ITEM.c.due_at)

LEASE = Table(
    "lease",
    metadata,
    Column("token", Text, primary_key=True),
    Column("item_id", ForeignKey("item.id"), nullable=False),
    Column("fence", Integer, nullable=False),
    Column("auditor", Text, nullable=False),
    Column("expires_at", Float(53), nullable=False),
    Column("ended", Boolean, nullable=False),
    UniqueConstraint("item_id", "fence"),
)
Index("lease_auditor", LEASE.c.auditor, LEASE.c.ended)

# What an auditor had written when the lease ended, or meanwhile; only they ever see it.
DRAFT = Table(
    "draft",
    metadata,
    Column("item_id", ForeignKey("item.id"), primary_key=True),
    Column("auditor", Text, primary_key=True),
    Column("saved_at", Float(53), nullable=False),
    Column("content", Text, nullable=False),
)

# An item is (run, arm, case, step instance, epoch), so this is the promised key: one decision per auditor and round.
DECISION = Table(
    "decision",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("item_id", ForeignKey("item.id"), nullable=False),
    Column("auditor", Text, nullable=False),
    Column("round", Integer, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("verdict", Integer, nullable=False),
    Column("text", Text),
    Column("latent", BigInteger),
    Column("label", Text),
    Column("principles", Text, nullable=False),
    Column("comment", Text),
    Column("minutes", Float(53), nullable=False),
    Column("decided_at", Float(53), nullable=False),
    Column("adjudicates", Boolean, nullable=False),
    Column("undone", Boolean, nullable=False),
    UniqueConstraint("item_id", "auditor", "round"),
)

Index("decision_auditor", DECISION.c.auditor, DECISION.c.item_id)

# What an auditor would rather not decide: their claims pass it by, others' do not.
SKIP = Table(
    "skip",
    metadata,
    Column("item_id", ForeignKey("item.id"), primary_key=True),
    Column("auditor", Text, primary_key=True),
)

# Who may use the page of a run. Of a token, and of a session's secret, there is a hash only.
TOKEN = Table(
    "access_token",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("run", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("expires_at", Float(53), nullable=False),
    Column("revoked", Boolean, nullable=False),
)
Index("access_token_run", TOKEN.c.run, TOKEN.c.name)

SESSION = Table(
    "access_session",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("token", ForeignKey("access_token.hash"), nullable=False),
    Column("seen_at", Float(53), nullable=False),
    Column("expires_at", Float(53), nullable=False),
)
Index("access_session_token", SESSION.c.token)

# Tokens that opened nothing, of the last minute: whoever tries must wait, at whichever server of the run.
FAILED = Table(
    "access_failure",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("at", Float(53), nullable=False),
)
Index("access_failure_address", FAILED.c.run, FAILED.c.address, FAILED.c.at)

OUTBOX = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("item_id", ForeignKey("item.id"), nullable=False, unique=True),
    Column("decision_id", ForeignKey("decision.id"), nullable=False),
    Column("taken", Boolean, nullable=False),
    Column("applied", Boolean, nullable=False),
)
Index("outbox_applied", OUTBOX.c.applied)

# The samples of released cases: of each arm one, whose probabilities are committed before it is drawn.
SAMPLE = Table(
    "sample",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", Text, nullable=False),
    Column("arm", Text, nullable=False),
    Column("design", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("floor", Integer, nullable=False),
    Column("drawn", Boolean, nullable=False),
    UniqueConstraint("run", "arm"),
)
SAMPLED = Table(
    "sample_case",
    metadata,
    Column("sample_id", ForeignKey("sample.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("score", Float(53), nullable=False),
    Column("model", Float(53), nullable=False),
    Column("aim", Float(53), nullable=False),
    Column("inclusion", Float(53), nullable=False),
    Column("by_floor", Boolean),
    Column("by_aim", Boolean),
    Column("violates", Boolean),
    Column("auditor", Text),
    Column("minutes", Float(53)),
    UniqueConstraint("sample_id", "case_id"),
)

EVENT = Table(
    "event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("kind", Text, nullable=False),
    Column("item_id", ForeignKey("item.id")),
    Column("body", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    UniqueConstraint("run", "seq"),
)
Index("event_item", EVENT.c.item_id)

_SQLITE = "CREATE TRIGGER event_no_{0} BEFORE {0} ON event BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END"
_FUNCTION = """
CREATE OR REPLACE FUNCTION event_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the trail is append-only'; END $$
"""
_POSTGRESQL = "CREATE TRIGGER event_no_{0} BEFORE {0} ON event FOR EACH STATEMENT EXECUTE FUNCTION event_append_only()"


def _after_create(statement: str, dialect: str) -> None:
    ddl = DDL(statement)  # type: ignore[no-untyped-call]
    event.listen(EVENT, "after_create", ddl.execute_if(dialect=dialect))


for _name in ("UPDATE", "DELETE"):
    _after_create(_SQLITE.format(_name), "sqlite")
_after_create(_FUNCTION, "postgresql")
for _name in ("UPDATE", "DELETE", "TRUNCATE"):
    _after_create(_POSTGRESQL.format(_name), "postgresql")
