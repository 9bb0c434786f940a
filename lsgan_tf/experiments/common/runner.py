"""Parallel, resumable execution of an experiment's runs in child processes."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TextIO

from lsgan_tf.errors import UserError
from lsgan_tf.experiments.common.experiment import Experiment, Run, config_of
from lsgan_tf.experiments.common.output import log_file, status_file
from lsgan_tf.run_dir.status import is_number, last_row
from lsgan_tf.util.cpu import cores
from lsgan_tf.util.files import write_json
from lsgan_tf.util.in_place import opener
from lsgan_tf.util.reading import read_json
from lsgan_tf.util.text import controls, spell

# A training run writes a checkpoint before it stops.
_SECONDS_TO_END = 120
_POLL = 0.2
_SECONDS_BETWEEN_LINES = 30.0
_SECONDS_ON_TERMINAL = 1.0


def read_status(run: Run, out: Path) -> None:
    """Fill in the status of an earlier execution of a run."""
    path = status_file(out, run.name)
    if path.is_file():
        found = read_json(path, {"status": str, "error": str, "seconds": float})
        run.status, run.error = found["status"], found["error"]
        run.seconds = found["seconds"]


def write_status(run: Run, out: Path) -> None:
    """Write the status of a run."""
    status = {"status": run.status, "error": run.error, "seconds": run.seconds}
    write_json(status_file(out, run.name), status)


def run_all(experiment: Experiment, runs: Sequence[Run], out: Path, *, parallel: int) -> None:
    """Execute the runs that are not finished yet, including failed ones.

    If a run fails, the others continue.

    Args:
      experiment: the experiment.
      runs: all of its runs; `status`, `error` and `seconds` are filled in.
      out: the experiment's folder.
      parallel: number of runs at once.

    Raises:
      KeyboardInterrupt: on Ctrl-C, after the children have written their checkpoints. Commands
        (`lsgan_tf.util.signals.raising`) raise it on SIGTERM and SIGHUP, too.
    """
    for run in runs:
        read_status(run, out)
    pending = [run for run in runs if run.status != "finished"]
    if not pending:
        return
    for run in pending:
        run.status = "waiting"
    children = _Children()
    display, environment = ProgressDisplay(runs), _environment(parallel)
    threads = ThreadPoolExecutor(parallel)
    try:
        futures = [
            threads.submit(_execute, experiment, run, out, children, environment) for run in pending
        ]
        while wait(futures, timeout=_POLL).not_done:
            display.show()
        display.close()
        for future in futures:
            future.result()
    except KeyboardInterrupt:
        message = "stopping: the runs write checkpoints; the same command resumes them"
        print(message, file=sys.stderr, flush=True)
        raise
    finally:
        # No-ops unless interrupted.
        threads.shutdown(wait=False, cancel_futures=True)
        children.end()
        threads.shutdown()


class _Children:
    """The running child processes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen] = set()
        self._ended = False

    def call(self, command: Sequence[str], output: Path, environment: dict[str, str]) -> int | None:
        """Run a command; returns its exit status, or None if all are being stopped."""
        with self._lock:
            if self._ended:
                return None
            output.parent.mkdir(parents=True, exist_ok=True)
            with open(output, "ab", opener=opener) as stream:
                # In its own session, so that Ctrl-C reaches only the parent, which stops it.
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,
                )
            self._running.add(process)
        status = process.wait()
        with self._lock:
            self._running.discard(process)
            return None if self._ended else status

    def end(self) -> None:
        """Stop all processes, which write checkpoints, and start no more."""
        with self._lock:
            self._ended = True
            running = list(self._running)
        for process in running:
            process.terminate()
        deadline = time.monotonic() + _SECONDS_TO_END
        for process in running:
            try:
                process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()


def _execute(
    experiment: Experiment, run: Run, out: Path, children: _Children, environment: dict[str, str]
) -> None:
    """Train a run and execute its subsequent commands; "waiting" again if interrupted."""
    run.status = "running"
    output = log_file(out, run.name)
    start, before = time.monotonic(), run.seconds
    status: int | None = 0
    try:
        for module, *arguments in _commands(experiment, run):
            command = [sys.executable, "-m", f"lsgan_tf.{module}", *arguments]
            status = children.call(command, output, environment)
            if status != 0:
                break
        run.seconds = round(before + time.monotonic() - start, 1)
        run.status = {None: "waiting", 0: "finished"}.get(status, "failed")
        failed = run.status == "failed"
        run.error = f"{module} ended with status {status}: {_last_line(output)}" if failed else ""
        write_status(run, out)
    except (OSError, UserError) as error:
        run.status, run.error = "failed", str(error)


def _commands(experiment: Experiment, run: Run) -> Iterator[tuple[str, ...]]:
    """Yield the training command, then those that may depend on its results."""
    yield ("main", *run.arm.flags, f"--seed={run.seed}", f"--run_dir={run.path}")
    yield from experiment.after(run)


def _environment(parallel: int) -> dict[str, str]:
    """Return the children's environment: this process's modules, a fraction of the cores."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    environment = {**os.environ, "PYTHONPATH": path}
    if parallel > 1:
        # Avoids more threads than cores.
        environment.setdefault("TF_NUM_INTRAOP_THREADS", str(max(cores() // parallel, 1)))
    return environment


def _last_line(path: Path) -> str:
    """Return the last non-empty line of a file."""
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "no output")


class ProgressDisplay:
    """Display of progress and remaining time over all runs, on standard error.

    Args:
      runs: all runs, whose status is updated by other threads.
      stream: output stream, by default standard error.
    """

    def __init__(self, runs: Sequence[Run], stream: TextIO | None = None) -> None:
        self._runs, self._stream = runs, controls(stream or sys.stderr)
        self._live = self._stream.isatty()
        self._start = time.monotonic()
        self._first = sum(self._done(run) for run in runs)
        self._shown = self._start

    def show(self) -> None:
        """Show a line, unless the last one is recent."""
        pause = _SECONDS_ON_TERMINAL if self._live else _SECONDS_BETWEEN_LINES
        if time.monotonic() - self._shown >= pause:
            self._shown = time.monotonic()
            start, end = ("\r\x1b[K", "") if self._live else ("", "\n")
            print(f"{start}{self.line()}", end=end, file=self._stream, flush=True)

    def close(self) -> None:
        """Show the final state."""
        start = "\r\x1b[K" if self._live else ""
        print(f"{start}{self.line()}", file=self._stream, flush=True)

    def line(self) -> str:
        """Format `runs: 3 of 30 finished, 2 running; step 10 of 120 (8%), ETA 01:02:03`."""
        count = Counter(run.status for run in self._runs)
        parts = [f"runs: {count['finished']} of {len(self._runs)} finished"]
        parts += [f"{count[key]} {key}" for key in ("running", "failed") if count[key]]
        total = sum(_steps(run.arm.flags) for run in self._runs if run.status != "failed")
        done = sum(self._done(run) for run in self._runs if run.status != "failed")
        fraction = done / total if total else 1.0
        made = done - self._first
        left = "-"
        if made > 0:
            left = spell((total - done) * (time.monotonic() - self._start) / made)
        return f"{', '.join(parts)}; step {done:,} of {total:,} ({fraction:.0%}), ETA {left}"

    def _done(self, run: Run) -> int:
        if run.status == "finished":
            return _steps(run.arm.flags)
        step = last_row(run.path / "timing.jsonl").get("step")
        return int(step) if is_number(step) else 0


@functools.lru_cache(maxsize=256)
def _steps(flags: tuple[str, ...]) -> int:
    return config_of(flags).steps
