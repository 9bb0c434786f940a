"""Errors that are reported to the user in one line, and their exit statuses."""

from __future__ import annotations

EXIT_COLLAPSED = 5
"""Exit status of a run ended by `--stop_on_collapse`."""

EXIT_PIPE_CLOSED = 141
"""Exit status if the reader of the output ended: 128 + SIGPIPE, as in shells."""


class UserError(Exception):
    """Usage error.

    The message is one line: the file or flag, what was expected and received, and a remedy.
    Commands print it without a traceback and exit with `status`.
    """

    status = 2


class DivergedError(UserError):
    """A loss, score or gradient is not finite, so the run cannot continue."""

    status = 3


class WorkerLostError(UserError):
    """Another worker of the run was lost, so this one cannot continue."""

    status = 4
