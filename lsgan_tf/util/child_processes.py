"""Work shared out among child processes.

Processes made by `multiprocessing` would import the user's main program again, or inherit a
loaded TensorFlow. So these are plain ones, `python -m MODULE`, told by pipes what to do: a JSON
line that says what all jobs have in common, then a line a job; each is answered by a line.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lsgan_tf.errors import UserError


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share_out(
    module: str, common: Any, jobs: Sequence[Any], *, processes: int, doing: str
) -> Iterator[Any]:
    """Has jobs done by child processes.

    Args:
      module: the module whose `main` calls `serve`.
      common: what all jobs need to know; JSON.
      jobs: one JSON value each.
      processes: how many to start.
      doing: what is done, as a gerund, for messages.

    Yields:
      The answer to each job, in the order of `jobs`.

    Raises:
      UserError: if a job raised one, or a process ended unasked.
    """
    idle: queue.SimpleQueue[_Child] = queue.SimpleQueue()
    with contextlib.ExitStack() as stack:
        pool = ThreadPoolExecutor(processes)
        # Last in, first out: the children end first, which wakes the threads that wait for them.
        stack.callback(pool.shutdown, cancel_futures=True)
        for _ in range(processes):
            idle.put(stack.enter_context(_Child(module, common, doing)))

        def work(job: Any) -> Any:
            child = idle.get()
            try:
                return child.ask(job)
            finally:
                idle.put(child)

        yield from pool.map(work, jobs)


def serve(prepare: Callable[[Any], Callable[[Any], Any]]) -> None:
    """The child's side: does the jobs that come by standard input, until it ends.

    It ends too when the process that started this one is killed.

    Args:
      prepare: takes what all jobs have in common, returns what does one job; that may raise
        `UserError`.
    """
    first = sys.stdin.readline()
    if not first:
        return
    work = prepare(json.loads(first))
    for line in sys.stdin:
        try:
            answer = {"answer": work(json.loads(line))}
        except UserError as error:
            answer = {"error": str(error)}
        try:
            print(json.dumps(answer), flush=True)
        except BrokenPipeError:
            # The parent is gone. What is left in the buffer must not be tried again at the exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return


class _Child:
    """One child process, ended when the context is left."""

    def __init__(self, module: str, common: Any, doing: str) -> None:
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        self._doing = doing
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            text=True,
            # Ctrl-C is for the parent alone, which ends its children.
            start_new_session=True,
        )
        self._tell(common)

    def ask(self, job: Any) -> Any:
        self._tell(job)
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            raise UserError(
                f"a process that was {self._doing} ended with status {status} "
                + ("(killed, perhaps for want of memory)" if status < 0 else "(its error is above)")
                + "; run the same command again"
            )
        answer = json.loads(line)
        if "error" in answer:
            raise UserError(answer["error"])
        return answer["answer"]

    def _tell(self, what: Any) -> None:
        # A process that has ended is noticed when its answer is read.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            self._process.terminate()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
