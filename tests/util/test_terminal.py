"""Lost output streams do not end the program."""

from __future__ import annotations

import errno
import io
import json
import os
import pty
import signal
import subprocess
import sys

import pytest
from run_differences import differences

from lsgan_tf.util import terminal
from lsgan_tf.util.terminal import SafeStream, safe_output

PRINTING = """
import sys
from lsgan_tf.cli.app import run
def main(argv):
    for number in range(3):
        print("line", number, flush=True)
        print("error", number, file=sys.stderr, flush=True)
    open(sys.argv[1], "w").write("done")
    {end}
if __name__ == "__main__":
    run(main, usage="")
"""
FLAGS = [
    "--dataset=mixture", "--batch_size=16", "--steps=60", "--log_every=4", "--sample_every=0",
    "--checkpoint_every=20", "--steps_per_call=2", "--watch_every=0", "--evaluate_every=0",
    "--devices=cpu:1", "--deterministic", "--jit_compile=off",
    "--noexport_at_end",
]  # fmt: skip


class Failing(io.StringIO):
    """A stream that raises the given errors, one per write."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self._failures = list(errors)

    def write(self, text: str) -> int:
        if self._failures:
            raise self._failures.pop(0)
        return super().write(text)


class TestSafeStream:
    @pytest.mark.parametrize("number", [errno.EPIPE, errno.EIO, errno.ENOSPC, errno.EBADF])
    def test_notes_the_loss_and_goes_on(self, number):
        safe = SafeStream(Failing(OSError(number, os.strerror(number))))
        print("one", file=safe)
        assert safe.lost.errno == number
        assert not safe.isatty()

    def test_what_is_closed_within_the_process(self):
        stream = io.StringIO()
        stream.close()
        safe = SafeStream(stream)
        print("one", file=safe, flush=True)
        assert "closed" in safe.lost.strerror

    def test_a_full_pipe_that_does_not_wait_is_no_loss(self):
        stream = Failing(BlockingIOError(errno.EAGAIN, "would block"))
        safe = SafeStream(stream)
        safe.write("dropped")
        safe.write("kept")
        assert (safe.lost, stream.getvalue()) == (None, "kept")

    def test_a_stream_that_never_was(self):
        safe = SafeStream(None)
        print("one", file=safe, flush=True)
        assert safe.lost.errno == errno.EBADF
        safe.close()

    def test_what_is_not_about_output_is_raised(self):
        with pytest.raises(UnicodeEncodeError):
            SafeStream(Failing(UnicodeEncodeError("ascii", "安", 0, 1, "not ASCII"))).write("安")

    def test_streams_come_back(self):
        former = sys.stdout, sys.stderr
        with safe_output(), safe_output():
            assert isinstance(sys.stdout, SafeStream) and isinstance(sys.stderr, SafeStream)
            assert not isinstance(sys.stdout._stream, SafeStream)
            assert terminal.stdout_error() is None
        assert (sys.stdout, sys.stderr) == former


def shell(line: str, *words: object) -> subprocess.CompletedProcess:
    """Runs a line of bash with the command in `"$@"`."""
    command = ["bash", "-c", line, "bash", sys.executable, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    ("line", "end", "status", "errors"),
    [
        ('"$@" >/dev/full', "", 2, "standard output cannot be written (No space left on device)"),
        ('"$@" >&-', "", 2, "standard output cannot be written (Bad file descriptor)"),
        ('"$@" >/dev/full', "return 0", 0, "error 2"),
        ('"$@" 2>/dev/full', "", 0, ""),
        ('"$@" 2>&-', "", 0, ""),
        ('"$@" >&- 2>&- <&-', "", 2, ""),
        ('"$@" | true; exit ${PIPESTATUS[0]}', "", 141, "error 2"),
        ('"$@" 2>&1 | true; exit ${PIPESTATUS[0]}', "", 141, ""),
        ('{ "$@" 2>&1 >&3 | true; exit ${PIPESTATUS[0]}; } 3>&1', "", 0, ""),
    ],
)
def test_a_command_works_without_output_streams(tmp_path, line, end, status, errors):
    program, result = tmp_path / "program.py", tmp_path / "result"
    program.write_text(PRINTING.format(end=end))
    done = shell(line, program, result)
    assert result.read_text() == "done"
    assert done.returncode == status
    assert errors in done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, command):
    run = tmp_path_factory.mktemp("terminal") / "undisturbed"
    done = command("main", *FLAGS, f"--run_dir={run}")
    assert done.returncode == 0, done.stderr
    return run


def words(run, *more):
    return ["-m", "lsgan_tf.main", *FLAGS, f"--run_dir={run}", *more]


def log(run):
    return (run / "log.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('"$@" >/dev/full 2>/dev/full', "No space left on device"),
        ('"$@" >&- 2>&- <&-', "Bad file descriptor"),
    ],
)
def test_training_goes_on_in_its_log(tmp_path, undisturbed, line, reason):
    run = tmp_path / "run"
    assert shell(line, *words(run)).returncode == 0
    assert log(run)[-1].startswith("finished 60 steps")
    lost = [text for text in log(run) if text.startswith("standard output is lost")]
    assert lost == [f"standard output is lost ({reason}): from here on, lines are in log.txt only"]
    assert differences(undisturbed, run) == []


def test_a_reader_that_ends_stops_training_with_a_checkpoint(tmp_path, undisturbed, command):
    run = tmp_path / "run"
    line = '"$@" | grep -m1 "^step 8 of"; exit ${PIPESTATUS[0]}'
    # The end of a reader is detected at the next line.
    done = shell(line, *words(run))
    assert (done.returncode, done.stdout.split(" (")[0]) == (141, "step 8 of 60")
    assert "Traceback" not in done.stderr
    stopped = log(run)[-1]
    assert stopped.startswith(
        "stopped by SIGPIPE (the reader of standard output has ended) at step "
    )
    assert "checkpoint written" in stopped
    assert (command("main", *FLAGS, f"--run_dir={run}")).returncode == 0
    assert differences(undisturbed, run) == []


def start_on_a_terminal(*words, ignore=False):
    """Starts a process on a new terminal; returns both."""
    controller, side = pty.openpty()
    handler = signal.SIG_IGN if ignore else signal.SIG_DFL
    process = subprocess.Popen(
        [sys.executable, *words],
        stdin=side,
        stdout=side,
        stderr=side,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, handler),
    )
    os.close(side)
    return process, controller


def read_until(controller, text):
    found = b""
    while text not in found:
        found += os.read(controller, 4096)


def test_a_closed_window_stops_training_with_a_checkpoint(tmp_path, undisturbed, command):
    run = tmp_path / "run"
    process, controller = start_on_a_terminal(*words(run))
    read_until(controller, b"step 8 of 60")
    process.send_signal(signal.SIGHUP)
    os.close(controller)
    assert process.wait(120) == 129
    assert log(run)[-1].startswith("stopped by SIGHUP (the terminal was closed) at step ")
    done = command("main", *FLAGS, f"--run_dir={run}")
    assert done.returncode == 0
    assert "resumed at step" in done.stdout
    assert differences(undisturbed, run) == []


def test_a_closed_window_whose_signal_is_ignored_changes_nothing(tmp_path, undisturbed):
    run = tmp_path / "run"
    process, controller = start_on_a_terminal(*words(run), ignore=True)
    read_until(controller, b"step 8 of 60")
    process.send_signal(signal.SIGHUP)
    os.close(controller)
    assert process.wait(120) == 0
    assert any("standard output is lost (Input/output error)" in text for text in log(run))
    assert log(run)[-1].startswith("finished 60 steps")
    assert json.loads((run / "config.json").read_text())["steps"] == 60
    assert differences(undisturbed, run) == []
