"""The runs of an experiment as child processes: several at once, each resumed where it was."""

from __future__ import annotations

import functools
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from lsgan_tf.errors import UserError
from lsgan_tf.experiments.common.experiment import Experiment, Run, config_of
from lsgan_tf.experiments.common.output import log_file, status_file
from lsgan_tf.util.child_processes import cores
from lsgan_tf.util.files import open_regular, read_json, write_json
from lsgan_tf.util.forms import parse_json
from lsgan_tf.util.in_place import opener
from lsgan_tf.util.signals import Terminated
from lsgan_tf.util.text import controls, spell

# A training run that is told to stop finishes its call and writes a checkpoint first.
_SECONDS_TO_END = 120
_POLL = 0.2
_SECONDS_BETWEEN_LINES = 30.0
_SECONDS_ON_TERMINAL = 1.0


def read_status(run: Run, out: Path) -> None:
    """Fills in how a run ended when it was made before."""
    path = status_file(out, run.name)
    if path.is_file():
        found = read_json(path, {"status": str, "error": str, "seconds": float})
        run.status, run.error = found["status"], found["error"]
        run.seconds = found["seconds"]


def write_status(run: Run, out: Path) -> None:
    """Keeps how a run ended."""
    facts = {"status": run.status, "error": run.error, "seconds": run.seconds}
    write_json(status_file(out, run.name), facts)


def run_all(experiment: Experiment, runs: Sequence[Run], out: Path, *, parallel: int) -> None:
    """Makes the runs that are not finished yet; a failed one is tried again.

    A run that fails is marked so and the others go on.

    Args:
      experiment: what they belong to.
      runs: all of them; `status`, `error` and `seconds` are filled in.
      out: the experiment's folder.
      parallel: how many at once.

    Raises:
      KeyboardInterrupt: on Ctrl-C, when the children have written their checkpoints.
      Terminated: on SIGTERM or SIGHUP, likewise.
    """
    for run in runs:
        read_status(run, out)
    left: queue.SimpleQueue[Run] = queue.SimpleQueue()
    for run in runs:
        if run.status != "finished":
            run.status = "waiting"
            left.put(run)
    if left.empty():
        return
    children = _Children()
    # A closed terminal too: the children do not hear of it and would train on alone.
    former = {
        number: signal.signal(number, _interrupt)
        for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    board = Board(runs)
    threads = [
        threading.Thread(target=_work, args=(experiment, left, out, parallel, children))
        for _ in range(min(parallel, left.qsize()))
    ]
    try:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            board.show()
            time.sleep(_POLL)
        board.close()
    except KeyboardInterrupt:
        message = "stopping: the runs write their checkpoints; the same command goes on with them"
        print(message, file=sys.stderr, flush=True)
        raise
    finally:
        # Without an interruption all of this is over already.
        children.end()
        for thread in threads:
            thread.join()
        for number, handler in former.items():
            signal.signal(number, handler)


class _Children:
    """The processes that run now; ended together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen] = set()
        self._ended = False

    def call(self, words: Sequence[str], output: Path, environment: dict[str, str]) -> int | None:
        """Runs a command to its end; its exit status, or None if all is being ended."""
        with self._lock:
            if self._ended:
                return None
            output.parent.mkdir(parents=True, exist_ok=True)
            with open(output, "ab", opener=opener) as stream:
                # Ctrl-C is for the parent alone, which ends its children.
                process = subprocess.Popen(
                    words,
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
        """Has all of them write a checkpoint and stop; starts no more."""
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


def _work(
    experiment: Experiment,
    left: queue.SimpleQueue[Run],
    out: Path,
    parallel: int,
    children: _Children,
) -> None:
    """One thread's share: takes runs until none is left."""
    environment = _environment(parallel)
    while True:
        try:
            run = left.get_nowait()
        except queue.Empty:
            return
        run.status = "running"
        try:
            _make(experiment, run, out, children, environment)
        except (OSError, UserError) as error:
            run.status, run.error = "failed", str(error)


def _make(
    experiment: Experiment, run: Run, out: Path, children: _Children, environment: dict[str, str]
) -> None:
    """Makes one run, training and what comes after; "waiting" again if it was interrupted."""
    output = log_file(out, run.name)
    begun, before = time.monotonic(), run.seconds
    status: int | None = 0
    for module, *words in _commands(experiment, run):
        command = [sys.executable, "-m", f"lsgan_tf.{module}", *words]
        status = children.call(command, output, environment)
        if status != 0:
            break
    run.seconds = round(before + time.monotonic() - begun, 1)
    run.status = {None: "waiting", 0: "finished"}.get(status, "failed")
    failed = run.status == "failed"
    run.error = f"{module} ended with status {status}: {_last_line(output)}" if failed else ""
    write_status(run, out)


def _commands(experiment: Experiment, run: Run) -> Iterator[tuple[str, ...]]:
    """The training, and what comes after, which may depend on what it left."""
    yield ("main", *run.arm.words, f"--seed={run.seed}", f"--run_dir={run.path}")
    yield from experiment.after(run)


def _environment(parallel: int) -> dict[str, str]:
    """The children's: this process's modules, and the cores shared out among them."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    environment = {**os.environ, "PYTHONPATH": path}
    if parallel > 1:
        # Threads of several runs on the same cores would wait for one another.
        environment.setdefault("TF_NUM_INTRAOP_THREADS", str(max(cores() // parallel, 1)))
    return environment


def _last_line(path: Path) -> str:
    """The last line of a file that is not empty."""
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def _interrupt(number: int, frame: object) -> None:
    raise Terminated


class Board:
    """Shows progress and the time left over all runs, on standard error.

    Args:
      runs: all of them; their status changes while they are made.
      stream: where to write; standard error by default.
    """

    def __init__(self, runs: Sequence[Run], stream: TextIO | None = None) -> None:
        self._runs, self._stream = runs, controls(stream or sys.stderr)
        self._live = self._stream.isatty()
        self._start = time.monotonic()
        self._first = sum(self._done(run) for run in runs)
        self._shown = self._start

    def show(self) -> None:
        """Shows a line if the last one is some time ago."""
        pause = _SECONDS_ON_TERMINAL if self._live else _SECONDS_BETWEEN_LINES
        if time.monotonic() - self._shown >= pause:
            self._shown = time.monotonic()
            start, end = ("\r\x1b[K", "") if self._live else ("", "\n")
            print(f"{start}{self.line()}", end=end, file=self._stream, flush=True)

    def close(self) -> None:
        """Shows how it ended."""
        start = "\r\x1b[K" if self._live else ""
        print(f"{start}{self.line()}", file=self._stream, flush=True)

    def line(self) -> str:
        """`runs: 3 of 30 finished, 2 running; step 101,000 of 1,200,000 (8%), ETA 01:02:03`."""
        count = Counter(run.status for run in self._runs)
        parts = [f"runs: {count['finished']} of {len(self._runs)} finished"]
        parts += [f"{count[key]} {key}" for key in ("running", "failed") if count[key]]
        total = sum(_steps(run.arm.words) for run in self._runs if run.status != "failed")
        done = sum(self._done(run) for run in self._runs if run.status != "failed")
        share = done / total if total else 1.0
        made = done - self._first
        left = "-"
        if made > 0:
            left = spell((total - done) * (time.monotonic() - self._start) / made)
        return f"{', '.join(parts)}; step {done:,} of {total:,} ({share:.0%}), ETA {left}"

    def _done(self, run: Run) -> int:
        if run.status == "finished":
            return _steps(run.arm.words)
        return _last_step(run.path)


@functools.lru_cache(maxsize=256)
def _steps(words: tuple[str, ...]) -> int:
    return config_of(words).steps


def _last_step(path: Path) -> int:
    """The last step that a run has logged; 0 before the first."""
    try:
        with open_regular(path / "timing.jsonl") as stream:
            stream.seek(max(stream.seek(0, 2) - 512, 0))
            return int(parse_json(stream.read().splitlines()[-1])["step"])
    except (OSError, ValueError, LookupError, TypeError, OverflowError, UserError):
        return 0  # not begun, or a line is being written
