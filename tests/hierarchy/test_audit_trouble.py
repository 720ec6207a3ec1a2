"""What a database can do to the queue: a full disk, a lock, no leave to write, a connection cut in the middle."""

from __future__ import annotations

import resource
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import create_engine, event

from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.verify import faults
from hierarchy.database import DatabaseTrouble
from tests import postgres
from tests.hierarchy.audit_cases import NOW, accept, claimed, item, reject


def test_a_full_disk_stops_the_queue_and_changes_nothing(tmp_path: Any) -> None:
    with AuditQueue.open(tmp_path / "a.sqlite", "run") as queue:
        queue.enqueue([item("c0")])
        claim = claimed(queue)
        pages: list[int] = [1]  # SQLite takes a limit below the file's size for that size: not a page more

        @event.listens_for(queue.engine, "connect")
        def limit(connection: sqlite3.Connection, _: object) -> None:
            connection.execute(f"PRAGMA max_page_count={pages[0]}").close()

        queue.close_database()
        with pytest.raises(DatabaseTrouble, match="full"):
            queue.enqueue([item(f"more {n}") for n in range(500)])
        pages[0] = 1_000_000
        queue.close_database()
        assert [i.case_id for i in queue.list_items()] == ["c0"]
        assert queue.decide(claim, accept(), NOW)
        assert faults(queue.engine, "run") == []


def test_a_file_that_may_not_grow_is_a_line_and_not_a_loss(tmp_path: Any) -> None:
    with AuditQueue.open(tmp_path / "a.sqlite", "run") as queue:
        queue.enqueue([item("c0")])
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "a.sqlite").stat().st_size + 4096, hard))
        try:
            with pytest.raises(DatabaseTrouble):
                queue.enqueue([item(f"more {n}") for n in range(500)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert queue.enqueue([item("c1")]) == 1
        assert {i.case_id for i in queue.list_items()} == {"c0", "c1"}
        assert faults(queue.engine, "run") == []


def test_a_locked_database_is_waited_for_and_then_told(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hierarchy.database._BUSY_SECONDS", 0.2)
    with AuditQueue.open(tmp_path / "a.sqlite", "run") as queue:
        queue.enqueue([item("c0")])
        claim = claimed(queue)
        with sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            for attempt in (lambda: queue.decide(claim, accept(), NOW), lambda: queue.claim("bob", NOW, 60.0)):
                with pytest.raises(DatabaseTrouble, match="locked"):
                    attempt()
            other.execute("ROLLBACK")
        other.close()
        assert queue.decide(claim, accept(), NOW)


def test_a_read_only_database_can_be_read_and_is_told(database: str) -> None:
    with AuditQueue.open(database, "run") as queue:
        queue.enqueue([item("c0")])
    on_file = f"sqlite:///file:{database}?mode=ro&uri=true"
    on_server = f"{database}?options=-cdefault_transaction_read_only%3Don"
    only = on_file if database.endswith(".sqlite") else on_server
    engine_of = AuditQueue(create_engine(only), "run", 0)
    assert [i.case_id for i in engine_of.list_items()] == ["c0"]
    for attempt in (
        lambda: engine_of.claim("ann", NOW, 60.0),
        lambda: engine_of.decide_case("c0", accept(), NOW),
        lambda: engine_of.enqueue([item("c1")]),
    ):
        with pytest.raises(DatabaseTrouble, match=r"read-?only"):
            attempt()
    engine_of.close_database()


class Proxy:
    """A TCP proxy before PostgreSQL that cuts a connection at its COMMIT, before it or after it took place.

    `arm("before")` swallows the next COMMIT that follows a change; `arm("after")` lets it through, waits for the
    server's answer and keeps that to itself. Other connections, and the ones made later, are served.
    """

    def __init__(self, port: int) -> None:
        self.server_port = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.armed: str | None = None
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, side: str) -> None:
        self.armed = side

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.server_port))
            state = {"mute": False, "changed": False}
            threading.Thread(target=self._up, args=(client, server, state), daemon=True).start()
            threading.Thread(target=self._down, args=(client, server, state), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket, state: dict[str, bool]) -> None:
        while data := _read(client):
            state["changed"] |= any(word in data for word in (b"INSERT", b"UPDATE"))
            if self.armed is not None and state["changed"] and b"COMMIT" in data:
                side, self.armed = self.armed, None
                self.cuts += 1
                if side == "before":
                    break
                state["mute"] = True
            if not _write(server, data):
                break
        _close(client, server)

    def _down(self, client: socket.socket, server: socket.socket, state: dict[str, bool]) -> None:
        while data := _read(server):
            if state["mute"]:
                break  # the server's answer: the commit has taken place, and nobody will hear of it
            if not _write(client, data):
                break
        _close(client, server)

    def close(self) -> None:
        self.listener.close()


def _read(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65_536)
    except OSError:
        return b""


def _write(connection: socket.socket, data: bytes) -> bool:
    try:
        connection.sendall(data)
    except OSError:
        return False
    return True


def _close(*connections: socket.socket) -> None:
    for connection in connections:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue
        finally:
            connection.close()


@contextmanager
def proxied(server: postgres.Server) -> Iterator[tuple[Proxy, AuditQueue]]:
    url = server.emptied()
    proxy = Proxy(server.port)
    with AuditQueue.open(url.replace(str(server.port), str(proxy.port)), "run") as queue:
        yield proxy, queue
        assert faults(queue.engine, "run") == []
    proxy.close()


def test_a_decision_whose_commit_was_cut_off_counts_once_if_it_took_place(postgresql: postgres.Server) -> None:
    with proxied(postgresql) as (proxy, queue):
        queue.enqueue([item("c0"), item("c1")])
        first = claimed(queue)
        proxy.arm("after")
        assert queue.decide(first, accept(), NOW) is True, "the commit took place: it is found by its key"
        assert queue.decide(first, accept(), NOW) is False
        second = claimed(queue)
        proxy.arm("before")
        with pytest.raises(DatabaseTrouble):
            queue.decide(second, reject(), NOW)
        assert queue.decide(second, reject(), NOW) is True, "nothing had happened: the same call may be repeated"
        assert [row.case_id for row in queue.outbox()] == [first.item.case_id, second.item.case_id]
        assert proxy.cuts == 2


def test_a_lease_whose_commit_was_cut_off_is_found_again(postgresql: postgres.Server) -> None:
    with proxied(postgresql) as (proxy, queue):
        queue.enqueue([item("c0")])
        proxy.arm("before")
        with pytest.raises(DatabaseTrouble):
            queue.claim("ann", NOW, 60.0)
        proxy.arm("after")
        claim = claimed(queue)
        assert [held.token for held in queue.held("ann", NOW)] == [claim.token]
        assert queue.decide(claim, accept(), NOW)


@pytest.mark.parametrize("side", ["before", "after"])
def test_what_is_repeated_after_a_cut_has_one_effect(postgresql: postgres.Server, side: str) -> None:
    with proxied(postgresql) as (proxy, queue):

        def persistent(attempt: Callable[[], Any]) -> None:
            proxy.arm(side)
            with pytest.raises(DatabaseTrouble):
                attempt()
            attempt()

        persistent(lambda: queue.enqueue([item("c0"), item("c1")]))
        assert len(queue.list_items()) == 2
        queue.decide_case("c0", accept(), NOW)
        persistent(lambda: queue.close(NOW))
        persistent(queue.outbox)
        ids = [row.id for row in queue.outbox()]
        assert len(ids) == 2
        persistent(lambda: queue.mark_applied(ids))
        assert queue.outbox() == []
