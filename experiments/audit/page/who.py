"""Who is signed in, and what they may do: dependencies of every route but the login.

A form carries a token that is made from the session's secret, which only a page of this session can know.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from experiments.audit.page.guard import SAFE_METHODS
from experiments.audit.page.site import SiteOf
from hierarchy.audit.access import Holder, Role
from hierarchy.audit.errors import NotTheirs

REVIEWERS = (Role.AUDITOR, Role.ADJUDICATOR, Role.ADMIN)
JUDGES = (Role.ADJUDICATOR, Role.ADMIN)


class NotSignedIn(Exception):
    """There is no session, or it is over."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Who asks, and the secret of their session."""

    holder: Holder
    secret: str

    @property
    def name(self) -> str:
        """Their name, under which they decide."""
        return self.holder.name

    @property
    def csrf(self) -> str:
        """What a form of this session must carry."""
        return hmac.new(self.secret.encode(), b"a form of this session", hashlib.sha256).hexdigest()

    @property
    def reviews(self) -> bool:
        """Whether they decide cases."""
        return self.holder.role in REVIEWERS

    @property
    def judges(self) -> bool:
        """Whether they settle disputes and open cases again."""
        return self.holder.role in JUDGES


def signed_in(request: Request, site: SiteOf) -> Signed:
    """Whoever is signed in. Raises NotSignedIn."""
    secret = request.cookies.get(site.cookie, "")
    holder = site.queue.access.signed_in(secret, site.clock()) if secret else None
    if holder is None:
        raise NotSignedIn
    return Signed(holder, secret)


def allow(*roles: Role) -> Callable[..., Awaitable[Signed]]:
    """Whoever is signed in, in one of these roles, with a form that is theirs where something may change."""

    async def allowed(request: Request, signed: Annotated[Signed, Depends(signed_in)]) -> Signed:
        if signed.holder.role not in roles:
            needed = " or ".join(role.value for role in roles)
            raise NotTheirs(f"your role is {signed.holder.role.value}; this needs {needed}")
        if request.method not in SAFE_METHODS:
            given = (await request.form()).get("csrf")
            if not isinstance(given, str) or not hmac.compare_digest(given.encode(), signed.csrf.encode()):
                raise NotTheirs("this form is not one of your session; load the page again")
        return signed

    return allowed


Anyone = Annotated[Signed, Depends(allow(*Role))]
Reviewer = Annotated[Signed, Depends(allow(*REVIEWERS))]
Judge = Annotated[Signed, Depends(allow(*JUDGES))]
