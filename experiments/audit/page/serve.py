"""`oversight audit serve RUN`: the page, until Ctrl-C."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import suppress
from pathlib import Path

import uvicorn

from constitutions.errors import InputError
from experiments.audit.page.address import Address
from experiments.audit.page.app import make_app
from experiments.audit.page.site import Site
from experiments.audit.run_queue import existing_queue
from experiments.folder import RunFolder
from hierarchy.audit.queue import AuditQueue

_GRACE = 5


def serve_command(run: Path, address: Address, lease_minutes: float, database: str | None = None) -> None:
    """Serve the page of a run that has a queue, going on or ended. Raises InputError.

    `database`: another way to the run's shared database (see `existing_queue`).
    """
    if not 0 < lease_minutes <= 24 * 60:
        raise InputError(f"--lease-minutes {lease_minutes:g}; accepted: more than 0, at most {24 * 60}")
    folder = RunFolder(run)
    with existing_queue(run, database) as queue, address.listen() as socket:
        port = socket.getsockname()[1]
        hosts = address.hosts(port)
        site = Site(queue, folder, folder.spec(), hosts, address.secure, lease_minutes * 60)
        logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(message)s")
        _greet(run, queue, address.url(port))
        # uvicorn shuts down in good order, and then raises what it was told by.
        with suppress(KeyboardInterrupt):
            server_of(site, address).run(sockets=[socket])
        print("the page is closed; what waits goes on waiting", flush=True)


def server_of(site: Site, address: Address) -> uvicorn.Server:
    """The server of a site. It logs no request, and believes no header about who sent one."""
    return uvicorn.Server(
        uvicorn.Config(
            make_app(site),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE,
            ssl_certfile=address.certificate,
            ssl_keyfile=address.key,
        )
    )


def _greet(run: Path, queue: AuditQueue, url: str) -> None:
    print(f"the audit page of {queue.run} is at {url}")
    live = sum(grant.live(time.time()) for grant in queue.access.grants())
    have = f"{live} {'person has' if live == 1 else 'people have'} a token" if live else "nobody has a token yet"
    print(f"{have}; `oversight audit token add {run} NAME --role auditor` makes one")
    print("Ctrl-C closes it", flush=True)
