"""The process pool: order, errors, and the end of workers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from lsgan_tf.errors import UserError
from lsgan_tf.util import process_pool

JOBS = """
import os, sys, time
from lsgan_tf.errors import UserError

def prepare(common):
    def work(job):
        print("printed by a job")
        if job == "refuse":
            raise UserError("no such job; choose another")
        if job == "unreadable":
            raise PermissionError(13, "Permission denied")
        if job == "crash":
            sys.exit(7)
        if job == "abort":
            os.abort()
        if job == "sleep":
            time.sleep(600)
        if job == "process":
            return os.getpid()
        return [common, job]
    return work
"""


@pytest.fixture
def prepare(tmp_path: Path, monkeypatch):
    (tmp_path / "jobs_of_tests.py").write_text(textwrap.dedent(JOBS))
    monkeypatch.syspath_prepend(str(tmp_path))
    import jobs_of_tests

    return jobs_of_tests.prepare


@pytest.fixture
def map_jobs(prepare):
    return lambda jobs: process_pool.map_jobs(
        prepare, "安", jobs, workers=2, doing="testing", remedy="try again"
    )


@pytest.mark.skipif(sys.version_info < (3, 11), reason="needs Python 3.11")
def test_files_of_the_current_folder_are_not_imported(map_jobs, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "queue.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path / "here")
    assert list(map_jobs([1])) == [["安", 1]]


def test_the_result_of_an_interrupted_job_is_not_that_of_the_next(prepare):
    interrupt = (signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with process_pool.Worker(prepare, "安", "testing", "try again") as worker:
            assert worker.ask("first") == ["安", "first"]
            threading.Timer(0.2, *interrupt).start()
            with pytest.raises(KeyboardInterrupt):
                worker.ask("sleep")
            with pytest.raises(UserError, match="testing ended with status -9"):
                worker.ask("next")
    finally:
        signal.signal(signal.SIGINT, former)


def test_results_are_in_the_order_of_the_jobs(map_jobs):
    jobs = [{"number": number, "character": b"\xff"} for number in range(20)]
    assert list(map_jobs(jobs)) == [["安", job] for job in jobs]


def test_the_work_is_done_by_the_workers(map_jobs):
    workers = set(map_jobs(["process"] * 20))
    assert 1 <= len(workers) <= 2
    assert os.getpid() not in workers


def test_few_jobs_are_in_flight(map_jobs):
    consumed = []
    results = map_jobs(consumed.append(number) or number for number in range(1000))
    next(results)
    assert len(consumed) <= 2 * process_pool._AHEAD
    results.close()


def test_errors_of_users_and_of_the_system_are_passed_on(map_jobs):
    with pytest.raises(UserError, match=r"^no such job; choose another$"):
        list(map_jobs([1, "refuse", 2]))
    with pytest.raises(PermissionError, match="Permission denied"):
        list(map_jobs(["unreadable"]))


def test_a_worker_that_ends_is_an_error(map_jobs):
    with pytest.raises(UserError, match=r"was testing ended with status 7 .*above\); try again"):
        list(map_jobs(["crash"]))


def test_a_worker_that_is_killed_is_an_error(map_jobs):
    with pytest.raises(UserError, match=r"ended with status -6 .*memory"):
        list(map_jobs(["abort"]))


def test_workers_end_when_the_results_are_closed(map_jobs):
    results = map_jobs(["process"] * 1000)
    process = next(results)
    os.kill(process, 0)  # exists
    results.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


# Maps jobs after it has seen that nothing can be written to /dev/shm.
WITHOUT_SHARED_MEMORY = """
import errno, jobs_of_tests
from lsgan_tf.util.process_pool import map_jobs

try:
    open("/dev/shm/x", "w")
except OSError as error:
    assert error.errno == errno.EROFS
else:
    raise AssertionError("/dev/shm can be written")
print(list(map_jobs(jobs_of_tests.prepare, "a", range(3), workers=2, doing="testing")))
"""


def test_shared_memory_is_not_needed(map_jobs):
    """`/dev/shm` is read-only in a mount namespace of the test."""
    alone = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else []), "sh", "-ec"]
    mount = "mount -t tmpfs -o ro tmpfs /dev/shm"
    found = shutil.which("unshare")
    if not found or subprocess.run([*alone, mount], capture_output=True).returncode:
        pytest.skip("no mount namespaces on this system")
    done = subprocess.run(
        [*alone, f'{mount}; exec "$@"', "sh", sys.executable, "-c", WITHOUT_SHARED_MEMORY],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "[['a', 0], ['a', 1], ['a', 2]]\n", done.stderr
