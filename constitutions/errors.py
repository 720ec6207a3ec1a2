"""The exception tree of the whole program, in the lowest room so that every room can raise from it.

OversightError
└── InputError      a person's mistake: what is wrong, where, and what would be accepted
"""

from __future__ import annotations


class OversightError(Exception):
    """Root of every error this program raises on purpose; it carries one message and pickles."""


class InputError(OversightError):
    """A mistake in what the user gave: the message names file, key, offending value and what would be accepted.

    The command line prints the message alone and exits with code 2.
    """
