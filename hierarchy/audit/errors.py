"""What the audit queue refuses, each with the HTTP status that a page answers it with.

InputError
└── Refused            400  an answer that cannot be taken
    ├── NotTheirs      403  a forged token, or a claim of somebody else
    ├── Unknown        404  no such case, step or draft
    ├── Conflict       409  another decision stands, or the case is held
    │   └── LateAnswer 409  the lease or the case's time is over; what was written is kept as a draft
    └── Unreadable     422  a decision or a file that says nothing the queue understands
"""

from __future__ import annotations

from constitutions.errors import InputError


class Refused(InputError):
    """An answer that cannot be taken; nothing was changed."""

    status = 400


class NotTheirs(Refused):
    """A token that nobody was given, or that somebody else was."""

    status = 403


class Unknown(Refused):
    """There is no such case."""

    status = 404


class Conflict(Refused):
    """Another decision stands, or somebody else holds the case."""

    status = 409


class LateAnswer(Conflict):
    """The lease ended, or the case was due: the decision was not taken, and is kept as the auditor's draft."""


class Unreadable(Refused):
    """What was given is no decision, no gold case, no proposal."""

    status = 422
