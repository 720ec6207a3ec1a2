"""A PostgreSQL of the tests' own: initialised in a temporary folder, run by an unprivileged user, ended with them.

It takes the newest server that Debian's packages put under /usr/lib/postgresql, or the one whose `initdb` is on PATH.
PostgreSQL refuses to run as root; under root it runs as `nobody`. It listens on a socket in its folder and on a port of
the loopback interface (a proxy in the fault tests needs one), trusts whoever can reach those, and does not sync: no
test cuts its power.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60", "shared_buffers=16MB")


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`; None where there is no server to start."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


@dataclass(frozen=True)
class Server:
    """A running server."""

    folder: Path
    port: int
    user: str

    def emptied(self) -> str:
        """The URL of the database, with nothing in it. (To make a new one takes ten times as long.)"""
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return f"postgresql+psycopg://{self.user}@127.0.0.1:{self.port}/postgres"

    def address(self, database: str) -> str:
        """What psycopg itself connects to, by the socket."""
        return f"host={self.folder} port={self.port} user={self.user} dbname={database}"


@contextmanager
def running(where: Path) -> Iterator[Server]:
    """A server of its own, ended when the block ends. Socket paths are short, so its folder is not pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp" if Path("/tmp").is_dir() else None))
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    as_owner = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    environment = {**os.environ, "HOME": str(folder), "LC_ALL": "C"}
    data = folder / "data"
    make = [where / "initdb", "-D", data, "-U", owner.pw_name, "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(make, check=True, capture_output=True, cwd=folder, env=environment, **as_owner)
    port = _free_port()
    settings = [*_SETTINGS, "listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={folder}"]
    start = [where / "postgres", "-D", data, *(part for setting in settings for part in ("-c", setting))]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(start, stdout=log, stderr=log, cwd=folder, env=environment, **as_owner)
    try:
        server = Server(folder, port, owner.pw_name)
        _wait(server, process)
        yield server
    finally:
        process.send_signal(signal.SIGINT)  # "fast": whoever is still connected is cut off
        process.wait(120)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
    for _ in range(1200):
        try:
            psycopg.connect(server.address("postgres"), connect_timeout=1).close()
            return
        except psycopg.OperationalError:
            assert process.poll() is None, (server.folder / "log").read_text()
            # Nothing tells when a server is up; asking is what its own pg_isready does.
            time.sleep(0.1)
    raise AssertionError((server.folder / "log").read_text())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
