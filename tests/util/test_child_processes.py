from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pytest

from lsgan_tf.errors import UserError
from lsgan_tf.util import child_processes

CHILD = """
import os, sys
from lsgan_tf.util import child_processes
from lsgan_tf.errors import UserError

def prepare(common):
    def work(job):
        if job == "refuse":
            raise UserError("no such job; choose another")
        if job == "crash":
            sys.exit(7)
        if job == "abort":
            os.abort()
        if job == "process":
            return os.getpid()
        return [common, job]
    return work

child_processes.serve(prepare)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch) -> str:
    (tmp_path / "a_child_of_tests.py").write_text(textwrap.dedent(CHILD))
    monkeypatch.syspath_prepend(str(tmp_path))
    return "a_child_of_tests"


def share_out(module: str, jobs: list, processes: int = 2):
    return child_processes.share_out(module, "安", jobs, processes=processes, doing="testing")


def test_answers_come_in_the_order_of_the_jobs(module: str):
    jobs = [{"number": number, "character": "宽"} for number in range(20)]
    assert list(share_out(module, jobs)) == [["安", job] for job in jobs]


def test_work_is_done_by_the_children(module: str):
    workers = set(share_out(module, ["process"] * 20))
    assert 1 <= len(workers) <= 2
    assert os.getpid() not in workers


def test_a_users_error_arrives(module: str):
    with pytest.raises(UserError, match=r"^no such job; choose another$"):
        list(share_out(module, [1, "refuse", 2]))


def test_a_process_that_ends_is_an_error(module: str):
    with pytest.raises(UserError, match=r"was testing ended with status 7 \(its error is above\)"):
        list(share_out(module, ["crash"]))


def test_a_process_that_is_killed_is_an_error(module: str):
    with pytest.raises(UserError, match=r"ended with status -6 .*memory"):
        list(share_out(module, ["abort"]))


def test_children_end_when_the_work_is_given_up(module: str):
    answers = share_out(module, ["process"] * 1000)
    process = next(answers)
    os.kill(process, 0)  # it is there
    answers.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_cores():
    assert 1 <= child_processes.cores() <= (os.cpu_count() or 1)
