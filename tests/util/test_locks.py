"""File locks, on file systems with and without locks."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading

import pytest

from lsgan_tf.errors import UserError
from lsgan_tf.util import files, locks

HOLDING = """
import errno, os, sys
if sys.argv[2] == "without":
    import fcntl
    def refuse(*words):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    fcntl.flock = refuse
from lsgan_tf.util import locks
with locks.take(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["with", "without", errno.ENOSYS, errno.ENOLCK, errno.EIO])
def kind(request, monkeypatch):
    """Whether the file system has locks; a number is the error raised by one without."""
    if request.param != "with":
        number = request.param if request.param != "without" else errno.EOPNOTSUPP

        def refuse(*words):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr("fcntl.flock", refuse)
    return "with" if request.param == "with" else "without"


@pytest.fixture
def hold(kind):
    """Starts a process that holds a lock."""
    started = []

    def start(path):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDING, str(path), kind],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_one_at_a_time(tmp_path, kind, hold):
    path = tmp_path / "lock"
    process = hold(path)
    with pytest.raises(BlockingIOError):
        locks.take(path)
    assert locks.is_held(path) and locks.holder(path) == str(process.pid)
    assert (tmp_path / "lock.soft").exists() == (kind == "without")
    process.stdin.close()
    process.wait()
    assert not locks.is_held(path)
    with locks.take(path):
        assert locks.holder(path) == str(os.getpid())
    assert not (tmp_path / "lock.soft").exists()


def test_a_killed_process_keeps_nothing(tmp_path, hold):
    path = tmp_path / "lock"
    process = hold(path)
    process.kill()
    process.wait()
    assert not locks.is_held(path)
    locks.take(path).close()


def test_waiting_is_reported_and_ends(tmp_path, kind, hold, capsys, monkeypatch):
    monkeypatch.setattr(locks, "_SILENT_SECONDS", 0.3)
    process = hold(tmp_path / "set.lock")
    timer = threading.Timer(1.0, process.stdin.close)
    timer.start()
    with files.locked(tmp_path / "set"):
        assert process.wait() == 0
    timer.join()
    line = f"waiting for another process (id {process.pid}) that holds {tmp_path / 'set.lock'}\n"
    assert capsys.readouterr().err == line


def test_checking_changes_nothing(tmp_path, kind):
    assert not locks.is_held(tmp_path / "lock")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "lock").write_text("123")
    assert not locks.is_held(tmp_path / "lock")
    assert (tmp_path / "lock").read_text() == "123"


def test_a_reader_keeps_no_run_out(tmp_path):
    import fcntl

    path = tmp_path / "lock"
    with open(path, "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        threading.Timer(0.05, fcntl.flock, (stream, fcntl.LOCK_UN)).start()
        locks.take(path).close()


def test_a_lock_on_another_host_is_not_broken(tmp_path, kind):
    if kind == "with":
        pytest.skip("the file system's own locks know of other hosts")
    path = tmp_path / "lock"
    path.touch()
    (tmp_path / "lock.soft").write_text("1\nelsewhere\n")
    with pytest.raises(BlockingIOError):
        locks.take(path)
    assert locks.is_held(path)


def test_links_are_refused(tmp_path):
    (tmp_path / "thesis").write_text("words")
    (tmp_path / "set.lock").symlink_to(tmp_path / "thesis")
    with pytest.raises(UserError, match=r"set.lock: is a link"), files.locked(tmp_path / "set"):
        pass
    assert (tmp_path / "thesis").read_text() == "words"


def test_a_run_trains_on_a_file_system_without_locks(tmp_path, command):
    code = (
        "import errno, fcntl, os, sys\n"
        "def refuse(*words):\n    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))\n"
        "fcntl.flock = refuse\n"
    )
    words = ["--dataset=mixture", "--batch_size=16", "--steps=4", "--watch_every=0",
             "--evaluate_every=0", "--jit_compile=off",
             f"--run_dir={tmp_path / 'run'}"]  # fmt: skip
    done = command("main", *words, before=code)
    assert done.returncode == 0, done.stderr
    assert "finished 4 steps" in done.stdout
    assert not (tmp_path / "run" / "lock.soft").exists()
