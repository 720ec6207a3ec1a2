"""Where the page listens, what it may be called there, and who can reach it."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from constitutions.errors import InputError

_LOCAL = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Address:
    """Where to listen.

    Attributes:
        host, port: an IP address or a name of this machine; port 0 takes a free one.
        certificate, key: PEM files; with both the page speaks TLS.
        insecure: plain HTTP on an address that others can reach is meant (behind a proxy that speaks TLS, say).
        names: host names by which people reach it, as browsers write them (`audit.example` or `audit.example:8443`).
    """

    host: str = "127.0.0.1"
    port: int = 8765
    certificate: Path | None = None
    key: Path | None = None
    insecure: bool = False
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would send tokens over a network in the clear."""
        if (self.certificate is None) != (self.key is None):
            raise InputError("--tls-cert and --tls-key belong together; give both or neither")
        for option, path in (("--tls-cert", self.certificate), ("--tls-key", self.key)):
            if path is not None and not path.is_file():
                raise InputError(f"{option} {path}: no such file; expected a PEM file")
        if not 0 <= self.port <= 65_535:
            raise InputError(f"--port {self.port}; accepted: 0 to 65535")
        if self.local:
            return
        if not (self.secure or self.insecure):
            raise InputError(
                f"--host {self.host} can be reached by others, and tokens would cross the network in the clear; give "
                "--tls-cert and --tls-key, or --insecure-http where a proxy in front speaks TLS"
            )
        if _wildcard(self.host) and not self.names:
            raise InputError(f"--host {self.host} is every address; say by --allow-host what people call this server")

    @property
    def secure(self) -> bool:
        """Whether the page itself speaks TLS."""
        return self.certificate is not None

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def listen(self) -> socket.socket:
        """A socket that listens there. Raises InputError where it cannot be had."""
        try:
            family = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0][0]
            return socket.create_server((self.host, self.port), family=family, backlog=256)
        except OSError as error:
            raise InputError(f"--host {self.host} --port {self.port}: {error.strerror}; try another") from None

    def hosts(self, port: int) -> frozenset[str]:
        """What the Host header of a request may say, in lower case, when it listens on this port."""
        own = () if _wildcard(self.host) else (_bracketed(self.host),)
        plain = {name.lower() for name in (*own, *(_LOCAL if self.local else ()))}
        ported = {f"{name}:{port}" for name in plain}
        usual = plain if port == (443 if self.secure else 80) else set()
        return frozenset(ported | usual | {name.lower() for name in self.names})

    def url(self, port: int) -> str:
        """What to type into a browser."""
        names: Sequence[str] = self.names or (f"{_bracketed(self.host)}:{port}",)
        return f"{'https' if self.secure else 'http'}://{names[0]}/"


def _wildcard(host: str) -> bool:
    return host in ("", "0.0.0.0", "::")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
