"""Common parts of all commands: flags, grouped help, one-line errors, exit statuses."""

from __future__ import annotations

import io
import itertools
import math
import shutil
import signal
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterable, Sequence
from logging import Formatter, LogRecord
from typing import NoReturn

from absl import app, flags, logging

from lsgan_tf._version import __version__
from lsgan_tf.cli.flag_files import expanded
from lsgan_tf.errors import EXIT_PIPE_CLOSED, UserError
from lsgan_tf.util import terminal
from lsgan_tf.util.files import in_words
from lsgan_tf.util.signals import Terminated, exit_status, raising
from lsgan_tf.util.tensorflow_errors import one_line
from lsgan_tf.util.text import SURROGATE, PrintableStream

_HELP = {"-h", "-help", "--help", "--helpfull", "--helpshort", "-?"}
_VERSION = {"--version", "-version"}
# Packages whose flags are not shown by --help.
_FOREIGN_MODULES = ("absl.", "tensorflow", "pytest", "hypothesis", "etils")


def run(main: Callable[[list[str]], int | None], usage: str | None) -> None:
    """Parse the command line, call `main` and exit the process.

    A `UserError` is printed as one line and exits with its status (2, or 3 for a run that
    diverged), and so is an error of TensorFlow that has a remedy. Ctrl-C exits with 130, SIGTERM
    with 143 and SIGHUP with 129, after cleaning up. Losing the terminal otherwise does not end a
    command; if output was lost, it exits with 141 if the reader ended (a pager, `head`), else
    with 2.
    All output goes through `PrintableStream`.

    Args:
      main: the command; receives the program name and the arguments that are not flags, and
        returns an exit status. None means 0 unless output was lost.
      usage: docstring of the command, shown by `--help`.
    """
    _prepare_output()
    # Hides absl's informational messages.
    logging.set_verbosity(logging.WARNING)
    flags.FLAGS.set_gnu_getopt(True)
    with terminal.safe_output(), raising():
        handler = logging.get_absl_handler()
        handler.setFormatter(_LineFormatter())
        # absl would keep the stream that was standard error when it was imported.
        handler.python_handler.stream = sys.stderr
        _answer(lambda: help_text(usage or "", flags.FLAGS))
        app.run(lambda rest: _guarded(main, rest), argv=sys.argv, flags_parser=_parse)


class _LineFormatter(Formatter):
    """Formats log records like error messages: `warning: ...`, in one line."""

    def format(self, record: LogRecord) -> str:
        """Return the line of a record."""
        return f"{record.levelname.lower()}: {_joined(record.getMessage())}"


def run_without_flags(main: Callable[[list[str]], int | None], usage: str) -> NoReturn:
    """Like `run`, for a command without flags; `--help` shows only `usage`."""
    _prepare_output()
    with terminal.safe_output(), raising():
        _answer(usage.strip)
        _guarded(main, sys.argv)


def _prepare_output() -> None:
    """Make both output streams accept any text and drop terminal control sequences."""
    terminal.occupy_descriptors()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Escapes characters that the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    # Pillow's warnings about image headers do not concern users.
    warnings.filterwarnings("ignore", module=r"PIL(\.|$)")
    # Without the place and the line in the source code.
    warnings.formatwarning = lambda message, *_, **__: f"warning: {_joined(str(message))}\n"
    # Class names, settings and log lines may come from untrusted files.
    sys.stdout, sys.stderr = (
        stream and PrintableStream(stream) for stream in (sys.stdout, sys.stderr)
    )


def _answer(help_of: Callable[[], str]) -> None:
    """Print help or the version and exit, if requested."""
    words = set(itertools.takewhile(lambda word: word != "--", sys.argv[1:]))
    if words & _HELP:
        _guarded(lambda _: print(help_of()), sys.argv)
    if words & _VERSION:
        _guarded(lambda _: print(f"lsgan_tf {__version__}"), sys.argv)


def flags_only(argv: Sequence[str]) -> None:
    """Reject positional arguments.

    Raises:
      UserError: if there are any.
    """
    if len(argv) > 1:
        raise UserError(f"{argv[1]}: expected flags only (--name=value); see --help")


def refuse_given(names: Iterable[str], reason: str) -> None:
    """Reject flags that have no effect.

    Args:
      names: names of the flags.
      reason: why they have none, with a remedy.

    Raises:
      UserError: if one of them was given.
    """
    for name in names:
        if flags.FLAGS[name].present:
            raise UserError(f"--{name}: {reason}")


def _parse(argv: list[str]) -> list[str]:
    try:
        rest = flags.FLAGS([argv[0], *expanded(argv[1:])])
        for name, value in flags.FLAGS.flag_values_dict().items():
            # The bounds of absl's floats let NaN pass; settings have a parser of their own.
            own = isinstance(flags.FLAGS[name].parser, flags.FloatParser)
            if own and value is not None and not math.isfinite(value):
                raise flags.IllegalFlagValueError(f"--{name}={value}: expected a finite number")
        return rest
    except flags.Error as error:
        message = str(error).removeprefix("ERROR:: ").removeprefix("flag ")
        _fail(f"{message} (see --help)")


def _guarded(main: Callable[[list[str]], int | None], argv: list[str]) -> NoReturn:
    try:
        status = main(argv)
        sys.stdout.flush()
    except UserError as error:
        _fail(str(error), error.status)
    except Terminated as error:
        print(f"stopped by {error.signal.name}", file=sys.stderr)
        sys.exit(exit_status(error.signal))
    except KeyboardInterrupt:
        print("stopped by Ctrl-C", file=sys.stderr)
        sys.exit(exit_status(signal.SIGINT))
    except UnicodeEncodeError as error:
        if not SURROGATE.search(str(error.object)):
            raise
        # The text may be a whole page.
        around = error.object[max(error.start - 80, 0) : error.end + 80]
        _fail(
            f"{around}: this name is not UTF-8, which is needed here; rename it, or set a "
            "UTF-8 locale (export LC_ALL=C.UTF-8)"
        )
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        _fail(f"{named}{in_words(error)}")
    except Exception as error:
        if line := one_line(error):
            _fail(line)
        raise
    if status is None and (lost := terminal.stdout_error()):
        if isinstance(lost, BrokenPipeError):
            sys.exit(EXIT_PIPE_CLOSED)
        _fail(f"standard output cannot be written ({lost.strerror}); redirect it elsewhere")
    sys.exit(status or 0)


def _fail(message: str, status: int = UserError.status) -> NoReturn:
    print(f"error: {_joined(message)}", file=sys.stderr, flush=True)
    sys.exit(status)


def _joined(text: str) -> str:
    return " ".join(text.split())


def help_text(usage: str, flag_values: flags.FlagValues) -> str:
    """Return the text of `--help`: the usage, then the flags by group."""
    width = min(shutil.get_terminal_size((100, 24)).columns, 110)
    parts = [usage.strip(), ""]
    for module, group in flag_values.flags_by_module_dict().items():
        if module.startswith(_FOREIGN_MODULES):
            continue
        # Names of groups are single words; a command's own flags have its module's name.
        parts.append("flags:" if "." in module or "/" in module else f"{module}:")
        parts.extend(_describe(group, width))
        parts.append("")
    parts.append(
        "Flags may be read from a file, one per line: --flagfile=FILE (later flags override it)."
    )
    return "\n".join(parts)


def _describe(group: Iterable[flags.Flag], width: int) -> Iterable[str]:
    for flag in group:
        name = f"--[no]{flag.name}" if flag.boolean else f"--{flag.name}"
        text = " ".join((flag.help or "").split())
        if flag.default is not None and "default:" not in text:
            default = flag.default_as_str or ""
            text += f" (default: {default.strip(chr(39))})"
        lines = textwrap.wrap(text, max(width - 30, 20))
        if len(name) < 28:
            lines[0] = f"{name:<28}{lines[0]}"
        else:
            lines.insert(0, name)
        first, *rest = lines
        yield "\n".join([f"  {first}", *(f"{'':30}{line}" for line in rest)])
