"""What every command has in common: flags, grouped help, one-line errors, exit status."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path

from absl import app, flags, logging

from lsgan_tf.errors import UserError

EXIT_INTERRUPTED = 130

_HELP = {"-h", "-help", "--help", "--helpfull", "--helpshort", "-?"}
# Flags that absl and its logging add to every binary; none of them is ours.
_FOREIGN_MODULES = ("absl.", "tensorflow", "pytest", "hypothesis", "etils")


def run(main: Callable[[list[str]], int | None], usage: str | None) -> None:
    """Parses the command line, calls `main` and exits the process.

    Args:
      main: the command; receives what is left of `sys.argv` after the flags, the
        program's name first, and returns an exit status (None is 0).
      usage: the binary's docstring, shown by `--help`.

    A `UserError` is printed as one line and exits with its status (2, or 3 for a
    run that diverged); Ctrl-C exits with 130.
    """
    # Nor are the notes that it logs while it works.
    logging.set_verbosity(logging.WARNING)
    flags.FLAGS.set_gnu_getopt(True)
    argv = sys.argv
    if _HELP & set(argv[1:]):
        print(help_text(usage or "", flags.FLAGS))
        sys.exit(0)
    app.run(lambda rest: _guarded(main, rest), argv=argv, flags_parser=_parse)


def import_tensorflow() -> None:
    """Imports TensorFlow, set up for training, without its start-up notices.

    Without a GPU driver TensorFlow also reports an error for the missing GPU.
    """
    # TensorFlow's own allocator keeps large tensors' memory between steps; malloc hands it
    # back and takes it again, page by page, which can double a step's time.
    os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")
    has_gpu = Path("/dev/nvidiactl").exists()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if has_gpu else "3")
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as notices:
        os.dup2(notices.fileno(), 2)
        try:
            importlib.import_module("tensorflow")
        except BaseException:
            notices.seek(0)
            os.write(stderr, notices.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _parse(argv: list[str]) -> list[str]:
    try:
        return flags.FLAGS(argv)
    except flags.Error as error:
        message = " ".join(str(error).split())
        _fail(f"{message} (see --help)")
        raise AssertionError("unreachable") from error


def _guarded(main: Callable[[list[str]], int | None], argv: list[str]) -> None:
    try:
        status = main(argv)
    except UserError as error:
        _fail(str(error), error.status)
    except KeyboardInterrupt:
        print("stopped by Ctrl-C", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output (a pager, head) went away: not an error.
        sys.stderr.close()
        sys.exit(0)
    sys.exit(status or 0)


def _fail(message: str, status: int = UserError.status) -> None:
    print(f"error: {' '.join(message.split())}", file=sys.stderr, flush=True)
    sys.exit(status)


def help_text(usage: str, flag_values: flags.FlagValues) -> str:
    """The text of `--help`: what the command does, then its flags by group."""
    width = min(shutil.get_terminal_size((100, 24)).columns, 110)
    parts = [usage.strip(), ""]
    for module, group in flag_values.flags_by_module_dict().items():
        if module.startswith(_FOREIGN_MODULES):
            continue
        # Groups have names of one word; what a binary defines by itself has its file's name.
        parts.append("flags:" if "." in module or "/" in module else f"{module}:")
        parts.extend(_describe(group, width))
        parts.append("")
    parts.append(
        "Flags may also be read from a file, one a line: --flagfile=flags/hwdb.flags "
        "(flags after it win)."
    )
    return "\n".join(parts)


def _describe(group: Iterable[flags.Flag], width: int) -> Iterable[str]:
    for flag in group:
        name = f"--[no]{flag.name}" if flag.boolean else f"--{flag.name}"
        text = " ".join((flag.help or "").split())
        if flag.default is not None and "default" not in text.lower():
            default = flag.default_as_str or ""
            text += f" (default: {default.strip(chr(39))})"
        yield textwrap.fill(
            text,
            width=width,
            initial_indent=f"  {name:<28}" if len(name) < 28 else f"  {name}\n{'':30}",
            subsequent_indent=" " * 30,
        )
