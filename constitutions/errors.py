"""The exception tree of the whole program, in the lowest room so that every room can raise from it.

OversightError
├── InputError      a person's mistake: what is wrong, where, and what would be accepted
└── GateError       a training set beyond a limit (training.checks.gate)
"""

from __future__ import annotations


class OversightError(Exception):
    """Root of every error this program raises on purpose; it carries one message and pickles.

    `exit_code`: what the command line exits with after printing the message.
    """

    exit_code = 2


class InputError(OversightError):
    """A mistake in what the user gave: the message names file, key, offending value and what would be accepted.

    The command line prints the message alone and exits with code 2.
    """
