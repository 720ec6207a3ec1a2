"""`oversight audit serve` and `token` as a person runs them: processes, ports, TLS, Ctrl-C, two servers at once."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from constitutions.errors import InputError
from experiments.audit.cli import audit
from experiments.audit.page.address import Address
from experiments.audit.run_queue import existing_queue
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import State
from hierarchy.audit.verify import faults
from tests.experiments.audit_page.run import case, make_folder, open_desk, serving
from tests.experiments.audit_page.visitor import Visitor
from tests.experiments.commands import PROJECT, command, environment

CASES = 8


def said(*words: str | Path, expect: int = 0) -> str:
    result = CliRunner().invoke(audit, [str(word) for word in words])
    assert result.exit_code == expect, result.output
    return " ".join(result.output.split())


@contextmanager
def server(run: Path, *words: str | Path) -> Iterator[str]:
    """A server of one's own, ended as a person does; gives its URL."""
    line = command("audit", "serve", run, "--port", "0", *words)
    process = subprocess.Popen(line, env=environment(), cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    try:
        greeting = ""
        while "Ctrl-C closes it" not in greeting:
            line_said = process.stdout.readline().decode()
            assert line_said, greeting
            greeting += line_said
        assert "oversight audit token add" in greeting
        found = re.search(r"https?://\S+", greeting)
        assert found, greeting
        yield found[0].rstrip("/")
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=120)[0].decode()
        assert process.returncode == 0, rest
        assert rest == "the page is closed; what waits goes on waiting\n"
    finally:
        process.kill()
        process.wait()


def filled(folder: Path, database: str) -> Path:
    run = folder / "run"
    with open_desk(run, database) as desk:
        # Real time: the processes have clocks of their own.
        desk.queue.enqueue([case(n, enqueued_at=1.0, due_at=float("inf")) for n in range(CASES)])
    return run


def test_two_servers_on_one_queue_share_its_cases_and_sessions(tmp_path: Path, database: str) -> None:
    run = filled(tmp_path, database)
    tokens = {name: CliRunner().invoke(audit, ["token", "add", str(run), name]).stdout.split()[0] for name in "ab"}
    with open_desk(run, database) as desk, server(run) as one, serving(desk) as other, ExitStack() as people:
        desk.clock.now = time.time()
        desk.tokens.update(tokens)
        ann, bob = Visitor(desk, "a", url=one).start(), Visitor(desk, "b", url=other).start()
        elsewhere = Visitor(desk, "a", signs_in=False, url=other)
        for who in (ann, bob, elsewhere):
            people.enter_context(closing(who.client))
        seen = []
        while 'id="decide"' in ann.page or 'id="decide"' in bob.page:
            for who in (ann, bob):
                if 'id="decide"' in who.page:
                    seen += re.findall(r'id="case-title"[^>]*>([^<]+)<', who.page)
                    assert who.submit("/desk/decide", verdict="accept").status == 200
        assert sorted(seen) == [f"case-{n:04}" for n in range(CASES)]
        elsewhere.client.cookies.update(dict(ann.client.cookies))
        assert f"{CASES // 2} decided by you" in elsewhere.get("/desk/cases").text
    with existing_queue(run) as queue:
        assert {item.state for item in queue.list_items()} == {State.SETTLED}
        assert faults(queue.engine, queue.run) == []


def test_a_page_over_tls_keeps_its_cookie_to_tls(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here (Debian: apt-get install openssl): no certificate can be made for the test")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
            "/CN=localhost", "-days", "2", "-keyout", key, "-out", certificate]  # fmt: skip
    subprocess.run(make, check=True, capture_output=True)
    address = Address(port=0, certificate=certificate, key=key)
    with open_desk(filled(tmp_path, "")) as desk, serving(desk, address) as url:
        assert url.startswith("https://127.0.0.1:")
        ann = Visitor(desk, "ann", url=url).start()
        with closing(ann.client):
            assert "case-0000" in ann.page
        assert [(cookie.name[:7], cookie.secure) for cookie in ann.client.cookies.jar] == [("__Host-", True)]


def test_tokens_are_made_listed_and_taken_back_from_the_command_line(tmp_path: Path) -> None:
    run = make_folder(tmp_path / "run").path
    assert "has no audit queue yet" in said("token", "list", run, expect=2)
    filled(tmp_path, "")
    assert said("token", "list", run) == "nobody has a token"
    told = CliRunner().invoke(audit, ["token", "add", str(run), "ann\u202e", "--role", "admin", "--days", "2"])
    token = told.stdout.split()[0]
    assert len(token) == 43
    assert "ann⟦U+202E⟧ (admin), for 2 days; it is shown this once" in told.stderr.replace("\n", " ")
    assert "has a token already" in said("token", "add", run, "ann\u202e", expect=2)
    listed = said("token", "list", run)
    assert "ann⟦U+202E⟧ admin valid for" in listed
    assert token not in listed
    assert token not in (run / "audit.sqlite").read_bytes().decode("latin-1")
    said("token", "revoke", run, "ann\u202e")
    assert "revoked" in said("token", "list", run)
    assert "no token that is still valid" in said("token", "revoke", run, "ann\u202e", expect=2)
    assert "'policy'" in said("token", "add", run, "policy", expect=2)
    assert "--days 0" in said("token", "add", run, "bob", "--days", "0", expect=2)
    with existing_queue(run) as queue:
        assert [event.kind for event in queue.trail.events()][CASES:] == ["token", "revoke"]


def test_what_others_could_reach_needs_tls_or_a_word_of_its_own(tmp_path: Path) -> None:
    run = filled(tmp_path, "")
    for words, told in (
        (("--host", "0.0.0.0"), "tokens would cross the network in the clear; give --tls-cert and --tls-key"),
        (("--host", "192.0.2.7"), "--insecure-http"),
        (("--host", "0.0.0.0", "--insecure-http"), "--allow-host"),
        (("--tls-cert", "cert.pem"), "belong together"),
        (("--tls-cert", "cert.pem", "--tls-key", "key.pem"), "no such file"),
        (("--port", "70000"), "accepted: 0 to 65535"),
        (("--lease-minutes", "0"), "accepted: more than 0"),
        (("--database", "postgresql+psycopg://h/db"), "keeps its queue in"),
    ):
        assert told in said("serve", run, *words, expect=2), words
    assert "config.yaml" in said("serve", tmp_path, expect=2)


def test_a_taken_port_is_told_in_a_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"--port {port}: Address already in use"):
            Address(port=port).listen()


@pytest.mark.parametrize(
    ("address", "port", "hosts"),
    [
        (Address(), 8765, {"127.0.0.1:8765", "localhost:8765", "[::1]:8765"}),
        (Address("::1"), 80, {f"{name}{port}" for name in ("127.0.0.1", "localhost", "[::1]") for port in ("", ":80")}),
        (Address("192.0.2.7", insecure=True), 9000, {"192.0.2.7:9000"}),
        (Address("0.0.0.0", insecure=True, names=("Audit.example",)), 9000, {"audit.example"}),
    ],
)
def test_a_server_goes_by_the_names_that_lead_to_it(address: Address, port: int, hosts: set[str]) -> None:
    assert address.hosts(port) == hosts


def test_the_url_that_is_printed_leads_there() -> None:
    assert Address().url(8765) == "http://127.0.0.1:8765/"
    assert Address("::1").url(81) == "http://[::1]:81/"
    assert Address("0.0.0.0", insecure=True, names=("audit.example",)).url(9) == "http://audit.example/"


def test_an_old_database_gets_the_tables_of_the_page(tmp_path: Path) -> None:
    with AuditQueue.open(tmp_path / "audit.sqlite", "run") as queue, queue.engine.begin() as connection:
        for table in ("access_session", "access_token", "skip"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
    with AuditQueue.open(tmp_path / "audit.sqlite", "run") as queue:
        assert queue.access.grants() == []
