"""Errors that are addressed to the person at the keyboard."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can put right.

    The message is one line: what was expected, what was received, which file or
    flag, and what to do next. Binaries print it without a traceback and exit
    with `status`.
    """

    status = 2


class DivergedError(UserError):
    """A loss, a score or a gradient was not finite; the run cannot go on."""

    status = 3


class WorkerLostError(UserError):
    """Another process of the same run is gone; this one cannot go on alone."""

    status = 4
