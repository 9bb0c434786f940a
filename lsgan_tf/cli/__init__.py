"""Common parts of the commands: flags, help, presets, errors."""

import sys
from types import TracebackType

_former = sys.excepthook


def _excepthook(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Report Ctrl-C during the imports of a command in one line, as `app.run` does later."""
    if issubclass(kind, KeyboardInterrupt):
        print("stopped by Ctrl-C", file=sys.stderr)
    else:
        _former(kind, error, trace)


sys.excepthook = _excepthook
