"""Commands in processes that start quickly and may be killed.

A server process imports TensorFlow once and forks for every command.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import runpy
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tqdm import tqdm

from lsgan_tf.util.in_place import opener
from lsgan_tf.util.tensorflow_setup import KERAS, ONEDNN, quiet

# Set before importing TensorFlow, as `lsgan_tf.util.tensorflow_setup.import_tensorflow` does.
_ENVIRONMENT = {"TF_CPU_ALLOCATOR_USE_BFC": "true", "TF_CPP_MIN_LOG_LEVEL": "3", **ONEDNN}


def start(
    flags: Sequence[str],
    output: Path,
    environment: Mapping[str, str] | None = None,
    *,
    module: str = "main",
    errors: Path | None = None,
    cwd: Path | None = None,
    before: str = "",
) -> ForkServerProcess:
    """Start `python -m lsgan_tf.main`, or another command, in a process.

    Args:
      flags: the flags, `--name=value` each.
      output: file to which standard output and standard error are appended.
      environment: environment variables to set, such as TF_CONFIG.
      module: the command's module in the package.
      errors: another file for standard error.
      cwd: working folder of the process; None for the present one.
      before: Python code that is executed first.

    Returns:
      The process: `pid`, `exitcode`, `join`, `kill`, `terminate`.
    """
    variables = {**os.environ, **(environment or {})}
    place = cwd or Path.cwd()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["lsgan_tf.training", "lsgan_tf.exporting.savedmodel"])
    process = context.Process(
        target=_run,
        args=(module, list(flags), output, errors or output, variables, place, before),
    )
    process.daemon = True
    with _environment(), quiet():
        process.start()
    return process


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """Set the variables with which the server, if it is not running yet, imports TensorFlow."""
    former = dict(os.environ)
    os.environ.update({**_ENVIRONMENT, **former, **KERAS})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(former)


def _run(
    module: str,
    flags: list[str],
    output: Path,
    errors: Path,
    environment: dict[str, str],
    cwd: Path,
    before: str,
) -> None:
    for number, path in ((1, output), (2, errors)):
        with open(path, "ab", opener=opener) as stream:
            os.dup2(stream.fileno(), number)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = [module, *flags]  # runpy replaces the first

    # tqdm's default lock is shared between processes and would stay held by a killed one.
    tqdm.set_lock(threading.RLock())

    exec(before, {})
    runpy.run_module(f"lsgan_tf.{module}", run_name="__main__", alter_sys=True)
