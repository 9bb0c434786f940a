"""Commands in processes that start quickly and may be killed.

A server process imports TensorFlow once and forks for every command.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from tqdm import tqdm

from lsgan_tf.util.in_place import opener
from lsgan_tf.util.tensorflow_setup import KERAS, ONEDNN

# Set before importing TensorFlow, as `lsgan_tf.util.tensorflow_setup.import_tensorflow` does.
_ENVIRONMENT = {"TF_CPU_ALLOCATOR_USE_BFC": "true", "TF_CPP_MIN_LOG_LEVEL": "3", **ONEDNN}


def start(
    flags: Sequence[str],
    output: Path,
    environment: Mapping[str, str] | None = None,
    *,
    module: str = "main",
) -> ForkServerProcess:
    """Start `python -m lsgan_tf.main`, or another command, in a process.

    Args:
      flags: the flags, `--name=value` each.
      output: file to which standard output and standard error are appended.
      environment: environment variables to set, such as TF_CONFIG.
      module: the command's module in the package.

    Returns:
      The process: `pid`, `exitcode`, `join`, `kill`, `terminate`.
    """
    arguments = (module, list(flags), output, dict(environment or {}))
    process = _context().Process(target=_run, args=arguments)
    process.daemon = True
    process.start()
    return process


def _context() -> ForkServerContext:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    os.environ.update(KERAS)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["lsgan_tf.training", "lsgan_tf.exporting.savedmodel"])
    return context


def _run(module: str, flags: list[str], output: Path, environment: dict[str, str]) -> None:
    with open(output, "ab", opener=opener) as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    os.environ.update(environment)
    sys.argv = [f"lsgan_tf.{module}", *flags]

    # tqdm's default lock is shared between processes and would stay held by a killed one.
    tqdm.set_lock(threading.RLock())

    from lsgan_tf.cli.app import run

    command = importlib.import_module(f"lsgan_tf.{module}")
    run(command.main, usage=command.__doc__)
