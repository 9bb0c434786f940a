"""The runs of an experiment as child processes: several at once, each resumed where it was."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from lsgan_tf.errors import UserError
from lsgan_tf.experiments.board import Board
from lsgan_tf.experiments.common.experiment import Experiment, Run
from lsgan_tf.experiments.common.output import log_file, status_file
from lsgan_tf.util.child_processes import cores
from lsgan_tf.util.files import read_json, write_json
from lsgan_tf.util.signals import Terminated

# A training run that is told to stop finishes its call and writes a checkpoint first.
_SECONDS_TO_END = 120
_POLL = 0.2


def read_status(run: Run, out: Path) -> None:
    """Fills in how a run ended when it was made before."""
    path = status_file(out, run.name)
    if path.is_file():
        found = read_json(path)
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
      Terminated: on SIGTERM, likewise.
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
    former = signal.signal(signal.SIGTERM, _interrupt)
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
        signal.signal(signal.SIGTERM, former)


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
            with open(output, "ab") as stream:
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
