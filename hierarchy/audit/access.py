"""Who may use the page of a run: a token per person, and the sessions that begin with one.

A token is 256 random bits, so a plain SHA-256 of it is kept: there is nothing to guess and nothing to salt. Of a
session's secret as well only the hash is kept. Who reads the database can sign in as nobody.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Engine, Row, Select, select

from constitutions.errors import InputError
from hierarchy.audit.decision import check_storable
from hierarchy.audit.errors import Conflict, NotTheirs, Unknown
from hierarchy.audit.schema import FAILED, SESSION, TOKEN
from hierarchy.audit.settle import check_auditor
from hierarchy.audit.trail import change
from hierarchy.database import read, write

SESSION_SECONDS = 12 * 3600.0
IDLE_SECONDS = 3600.0
_SEEN_EVERY = 60.0
_MOST_NAME = 80
MOST_FAILURES, FAILURE_SECONDS = 5, 60.0


class Role(StrEnum):
    """What a person may do: look at the figures; decide; settle disputes and appeal; see gold results too."""

    READ_ONLY = "read-only"
    AUDITOR = "auditor"
    ADJUDICATOR = "adjudicator"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Grant:
    """A token as it may be listed: whose, for what, from when till when (seconds), and whether it was taken back."""

    name: str
    role: Role
    created_at: float
    expires_at: float
    revoked: bool

    def live(self, now: float) -> bool:
        """Whether it still opens the page."""
        return not self.revoked and self.expires_at > now


@dataclass(frozen=True, slots=True)
class Holder:
    """Who is signed in, as what, and until when the session lasts at most."""

    name: str
    role: Role
    expires_at: float


@dataclass(frozen=True)
class Access:
    """The tokens and sessions of one run."""

    engine: Engine
    run: str

    def add(self, name: str, role: Role, now: float, seconds: float) -> str:
        """A new token for a person, valid for so many seconds. It is told this once: only its hash is kept.

        Raises Refused for a name nobody may have, Conflict where the person has a live token already.
        """
        check_auditor(name)
        check_storable("name", name)
        if len(name) > _MOST_NAME or name != name.strip():
            raise InputError(f"name {name!r}; expected at most {_MOST_NAME} characters, none of them blank at its ends")
        if not seconds > 0:
            raise InputError(f"a token for {seconds} seconds; expected more than 0")
        token = secrets.token_urlsafe(32)
        with change(self.engine, self.run) as made:
            rows = made.connection.execute(self._tokens(name)).all()
            if any(_grant(row).live(now) for row in rows):
                raise Conflict(f"{name!r} has a token already; revoke it first")
            row = {"hash": hashed(token), "run": self.run, "name": name, "role": role.value, "revoked": False}
            made.connection.execute(TOKEN.insert(), {**row, "created_at": now, "expires_at": now + seconds})
            made.note("token", now, None, name=name, role=role.value)
        return token

    def grants(self) -> list[Grant]:
        """Every token there ever was, the oldest first."""
        with read(self.engine) as connection:
            return [_grant(row) for row in connection.execute(self._tokens().order_by(TOKEN.c.created_at)).all()]

    def revoke(self, name: str, now: float) -> None:
        """Take a person's token back, and end the sessions it began. Raises Unknown where there is no live one."""
        with change(self.engine, self.run) as made:
            live = [row.hash for row in made.connection.execute(self._tokens(name)) if _grant(row).live(now)]
            if not live:
                raise Unknown(f"{name!r} has no token that is still valid")
            made.connection.execute(TOKEN.update().where(TOKEN.c.hash.in_(live)).values(revoked=True))
            made.connection.execute(SESSION.delete().where(SESSION.c.token.in_(live)))
            made.note("revoke", now, None, name=name)

    def sign_in(self, token: str, now: float) -> str:
        """Begin a session; returns its secret. Raises NotTheirs for a token that is wrong, revoked or over.

        The token's hash is compared with all of the run's, each in constant time.
        """
        given, found = hashed(token), None
        with read(self.engine) as connection:
            for row in connection.execute(self._tokens()):
                if hmac.compare_digest(row.hash, given) and _grant(row).live(now):
                    found = row
        if found is None:
            raise NotTheirs("this token opens nothing; ask whoever runs the audit for one")
        secret = secrets.token_urlsafe(32)
        with write(self.engine) as connection:
            connection.execute(SESSION.delete().where(SESSION.c.expires_at <= now))
            until = min(now + SESSION_SECONDS, found.expires_at)
            session = {"hash": hashed(secret), "token": found.hash, "seen_at": now, "expires_at": until}
            connection.execute(SESSION.insert(), session)
        return secret

    def signed_in(self, secret: str, now: float) -> Holder | None:
        """Whose session this is; None where it is nobody's, was idle for an hour, or is over."""
        query = (
            select(SESSION.c.seen_at, SESSION.c.expires_at.label("until"), TOKEN)
            .join(TOKEN, SESSION.c.token == TOKEN.c.hash)
            .where(SESSION.c.hash == hashed(secret), TOKEN.c.run == self.run)
        )
        with read(self.engine) as connection:
            row = connection.execute(query).first()
        if row is None or not _grant(row).live(now) or min(row.until, row.seen_at + IDLE_SECONDS) <= now:
            return None
        if now - row.seen_at > _SEEN_EVERY:
            with write(self.engine) as connection:
                connection.execute(SESSION.update().where(SESSION.c.hash == hashed(secret)).values(seen_at=now))
        return Holder(row.name, Role(row.role), row.until)

    def wait(self, address: str, now: float) -> float:
        """Seconds until a token may be tried from this address, after 5 that opened nothing within 60; 0: now.

        A token cannot be guessed; this keeps whoever tries from keeping the servers busy, however many there are.
        """
        since = FAILED.c.at.between(now - FAILURE_SECONDS, now)
        query = select(FAILED.c.at).where(FAILED.c.run == self.run, FAILED.c.address == address, since)
        with read(self.engine) as connection:
            recent = connection.execute(query.order_by(FAILED.c.at.desc()).limit(MOST_FAILURES)).scalars().all()
        return max(0.0, recent[-1] + FAILURE_SECONDS - now) if len(recent) == MOST_FAILURES else 0.0

    def failed(self, address: str, now: float) -> None:
        """Note a token from this address that opened nothing; those that count no longer are forgotten."""
        with write(self.engine) as connection:
            connection.execute(FAILED.delete().where(FAILED.c.run == self.run, FAILED.c.at <= now - FAILURE_SECONDS))
            connection.execute(FAILED.insert(), {"run": self.run, "address": address, "at": now})

    def sign_out(self, secret: str) -> None:
        """End a session."""
        with write(self.engine) as connection:
            connection.execute(SESSION.delete().where(SESSION.c.hash == hashed(secret)))

    def _tokens(self, name: str | None = None) -> Select[tuple[object, ...]]:
        query = select(TOKEN).where(TOKEN.c.run == self.run)
        return query if name is None else query.where(TOKEN.c.name == name)


def hashed(secret: str) -> str:
    """SHA-256 of a secret, in hexadecimal; of one that is no UTF-8 as well."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _grant(row: Row[tuple[object, ...]]) -> Grant:
    return Grant(row.name, Role(row.role), row.created_at, row.expires_at, bool(row.revoked))
