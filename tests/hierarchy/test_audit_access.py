"""Tokens, roles and sessions: what opens the page, for how long, and that the database can open nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from constitutions.errors import InputError
from hierarchy.audit.access import FAILURE_SECONDS, IDLE_SECONDS, MOST_FAILURES, SESSION_SECONDS, Access, Role
from hierarchy.audit.errors import Conflict, NotTheirs, Unknown
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.schema import FAILED, SESSION, TOKEN
from hierarchy.database import read
from tests.hierarchy.audit_cases import NOW
from tests.hierarchy.graphs import without_syncing

DAY = 86_400.0


@pytest.fixture
def access(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Access]:
    without_syncing(monkeypatch)
    with AuditQueue.open(database, "run") as queue:
        yield queue.access


def test_too_many_wrong_tokens_make_an_address_wait_at_every_server(access: Access) -> None:
    other = Access(access.engine, access.run)
    for second in range(MOST_FAILURES):
        assert other.wait("10.0.0.1", NOW + second) == 0
        (access if second % 2 else other).failed("10.0.0.1", NOW + second)
    assert access.wait("10.0.0.1", NOW + 10) == other.wait("10.0.0.1", NOW + 10) == FAILURE_SECONDS - 10
    assert access.wait("10.0.0.2", NOW + 10) == 0
    assert Access(access.engine, "another run").wait("10.0.0.1", NOW + 10) == 0
    assert access.wait("10.0.0.1", NOW + FAILURE_SECONDS) == 0
    access.failed("10.0.0.2", NOW + 2 * FAILURE_SECONDS)
    with read(access.engine) as connection:
        assert len(connection.execute(select(FAILED)).all()) == 1, "what counts no longer is not kept"


def test_a_token_opens_a_session_and_neither_can_be_read_from_the_database(access: Access) -> None:
    token = access.add("ann", Role.AUDITOR, NOW, DAY)
    secret = access.sign_in(token, NOW)
    holder = access.signed_in(secret, NOW)
    assert holder is not None
    assert (holder.name, holder.role) == ("ann", Role.AUDITOR)
    with read(access.engine) as connection:
        kept = [str(value) for table in (TOKEN, SESSION) for row in connection.execute(select(table)) for value in row]
    assert not [value for value in kept if token in value or secret in value]
    for row in kept:
        with pytest.raises(NotTheirs):
            access.sign_in(row, NOW)
        assert access.signed_in(row, NOW) is None


def test_a_token_ends_by_its_time_and_by_being_taken_back_with_every_session_it_began(access: Access) -> None:
    token = access.add("ann", Role.ADMIN, NOW, 100.0)
    secret = access.sign_in(token, NOW)
    assert access.signed_in(secret, NOW + 99) is not None
    assert access.signed_in(secret, NOW + 100) is None
    with pytest.raises(NotTheirs):
        access.sign_in(token, NOW + 100)
    other = access.add("ann", Role.AUDITOR, NOW + 100, DAY)
    secret = access.sign_in(other, NOW + 100)
    access.revoke("ann", NOW + 101)
    assert access.signed_in(secret, NOW + 101) is None
    with pytest.raises(NotTheirs):
        access.sign_in(other, NOW + 101)
    with pytest.raises(Unknown):
        access.revoke("ann", NOW + 102)
    assert [(grant.role, grant.revoked) for grant in access.grants()] == [(Role.ADMIN, False), (Role.AUDITOR, True)]


def test_a_session_ends_when_it_is_idle_when_it_is_old_and_when_its_holder_leaves(access: Access) -> None:
    token = access.add("ann", Role.AUDITOR, NOW, 10 * DAY)
    secret = access.sign_in(token, NOW)
    at = NOW
    while at < NOW + SESSION_SECONDS - IDLE_SECONDS / 2:
        assert access.signed_in(secret, at) is not None
        at += IDLE_SECONDS - 1
    assert access.signed_in(secret, NOW + SESSION_SECONDS) is None
    idle = access.sign_in(token, at)
    assert access.signed_in(idle, at + IDLE_SECONDS) is None
    left = access.sign_in(token, at)
    access.sign_out(left)
    assert access.signed_in(left, at) is None


def test_a_token_is_of_one_run_and_a_person_has_one(access: Access) -> None:
    token = access.add("ann", Role.AUDITOR, NOW, DAY)
    other = Access(access.engine, "other run")
    with pytest.raises(NotTheirs):
        other.sign_in(token, NOW)
    assert other.signed_in(access.sign_in(token, NOW), NOW) is None
    with pytest.raises(Conflict):
        access.add("ann", Role.ADMIN, NOW, DAY)
    for name in ("policy", " ", "x" * 81, "a\x00b", "ann "):
        with pytest.raises(InputError):
            access.add(name, Role.AUDITOR, NOW, DAY)
    assert [grant.name for grant in access.grants()] == ["ann"]
