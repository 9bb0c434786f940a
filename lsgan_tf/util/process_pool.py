"""Process pool whose workers are plain subprocesses.

`multiprocessing` would import the user's main program again, or fork a loaded TensorFlow, and
needs shared memory. Here a worker is `python -m lsgan_tf.util.process_pool`, which exchanges
pickles through its standard input and output.
"""

from __future__ import annotations

import collections
import contextlib
import os
import pickle
import queue
import subprocess
import sys
import warnings
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from lsgan_tf.errors import UserError

Common = TypeVar("Common")
Job = TypeVar("Job")
Result = TypeVar("Result")

_AHEAD = 4  # jobs in flight per worker


def map_jobs(
    prepare: Callable[[Common], Callable[[Job], Result]],
    common: Common,
    jobs: Iterable[Job],
    *,
    workers: int,
    doing: str,
    remedy: str = "run the same command again",
) -> Generator[Result, None, None]:
    """Map jobs to results in worker processes.

    Args:
      prepare: a function of a module that takes `common` and returns the function to apply to
        each job. Called once per worker.
      common: data common to all jobs.
      jobs: the jobs, consumed as needed.
      workers: number of processes; below 2 the work is done in this process.
      doing: the work, as a gerund, for messages.
      remedy: what to do if a worker dies, for messages.

    Yields:
      The result of each job, in order.

    Raises:
      UserError: if a worker dies. `UserError`, `OSError` and `MemoryError` of jobs are passed on.
    """
    if workers < 2 or not sys.executable:
        yield from map(prepare(common), jobs)
        return
    idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
    with contextlib.ExitStack() as stack:
        threads = ThreadPoolExecutor(workers)
        # Called last: the workers end first, which wakes the threads that wait for them.
        stack.callback(threads.shutdown, cancel_futures=True)
        for _ in range(workers):
            idle.put(stack.enter_context(Worker(prepare, common, doing, remedy)))

        def work(job: Job) -> Result:
            worker = idle.get()
            try:
                return worker.ask(job)
            finally:
                idle.put(worker)

        waiting: collections.deque[Future[Result]] = collections.deque()
        for job in jobs:
            waiting.append(threads.submit(work, job))
            if len(waiting) >= _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class Worker:
    """A worker process, ended on exit from the context. See `map_jobs` for the arguments."""

    def __init__(self, prepare: Any, common: Any, doing: str, remedy: str) -> None:
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        self._doing, self._remedy = doing, remedy
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # The current folder is searched for modules only if `path` has it.
            env={**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"},
            # In a session of its own: Ctrl-C is for the parent, which ends its workers.
            start_new_session=True,
        )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None  # both are pipes
        self._stdin, self._stdout = stdin, stdout
        self._send((prepare, common))

    def ask(self, job: Any) -> Any:
        """Return the result of a job; not thread-safe. An interrupted worker is ended."""
        try:
            self._send(job)
            error, result = pickle.load(self._stdout)
        except (EOFError, pickle.UnpicklingError):
            status = self._process.wait()
            raise UserError(
                f"a process that was {self._doing} ended with status {status} "
                + ("(killed, perhaps out of memory)" if status < 0 else "(its error is above)")
                + f"; {self._remedy}"
            ) from None
        except BaseException:
            self._process.kill()  # The next job would receive this one's result.
            raise
        if error is not None:
            raise error
        return result

    def _send(self, value: Any) -> None:
        # A dead worker is detected when its result is read.
        with contextlib.suppress(BrokenPipeError):
            pickle.dump(value, self._stdin)
            self._stdin.flush()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            self._process.terminate()
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()
        self._process.wait()
        self._stdout.close()


def _serve() -> None:
    """Process jobs until standard input ends, as it does when the parent is killed."""
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # keeps what jobs print out of the results
    warnings.filterwarnings("ignore", module=r"PIL(\.|$)")  # as in `lsgan_tf.cli.app.run`
    with contextlib.suppress(EOFError):
        prepare, common = pickle.load(sys.stdin.buffer)
        work = prepare(common)
        while True:
            job = pickle.load(sys.stdin.buffer)
            answer: tuple[Exception | None, Any]
            try:
                answer = None, work(job)
            except (UserError, OSError, MemoryError) as error:
                answer = error, None
            try:
                pickle.dump(answer, results)
                results.flush()
            except BrokenPipeError:
                os._exit(1)  # the parent is gone; skips flushing again


if __name__ == "__main__":
    _serve()
