"""The command that prepares LSUN, as a person runs it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import lmdb
import numpy as np
import pytest
from PIL import Image

COMMAND = [sys.executable, "-m", "lsgan_tf", "prepare-lsun"]


def command(*arguments):
    return [*COMMAND, *map(str, arguments)]


def run(*arguments):
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False)


@pytest.fixture
def lsun(tmp_path):
    folder = tmp_path / "lsun" / "tower_train_lmdb"
    folder.mkdir(parents=True)
    pictures = []
    for number in range(7):
        pixels = np.random.default_rng(number).integers(0, 256, (64, 80, 3), np.uint8)
        sink = io.BytesIO()
        Image.fromarray(pixels).resize((256, 300)).save(sink, "WEBP")
        pictures.append(sink.getvalue())
    with lmdb.open(str(folder), map_size=1 << 27) as environment:
        with environment.begin(write=True) as transaction:
            for number in range(200):
                content = pictures[number % len(pictures)] if number != 11 else b""
                transaction.put(b"%040x" % number, content)
    return folder.parent


@pytest.fixture
def options(lsun, tmp_path):
    return (
        f"--data_dir={lsun}",
        "--category=tower",
        "--image_size=32",
        f"--out={tmp_path / 'out'}",
        f"--cache_dir={tmp_path / 'cache'}",
        "--workers=2",
        "--shard_images=20",
    )


def files(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")


def children(process):
    listing = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(number) for number in listing.read_text().split()]


def what_runs(number):
    try:
        return Path(f"/proc/{number}/cmdline").read_text()
    except FileNotFoundError:  # It has just ended.
        return ""


def test_killed_and_started_again(options, tmp_path):
    whole = run(*options, f"--out={tmp_path / 'whole'}")
    assert whole.returncode == 0, whole.stderr
    assert "199 images (32x32, squashed) in 10 shards" in whole.stdout
    assert "left out: 1 empty" in whole.stdout
    for unkind in (signal.SIGKILL, signal.SIGINT):
        process = subprocess.Popen(
            command(*options),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        count = len(list((tmp_path / "out").glob("*.tfrecord")))
        deadline = time.monotonic() + 60
        while len(list((tmp_path / "out").glob("*.tfrecord"))) == count:
            assert time.monotonic() < deadline
            time.sleep(0.01)
            if process.poll() is not None:
                break
        if process.poll() is None:
            os.killpg(process.pid, unkind)
        stderr = process.communicate()[1].decode()
        assert "Traceback" not in stderr
    again = run(*options)
    assert again.returncode == 0, again.stderr
    assert files(tmp_path / "out") == files(tmp_path / "whole")


@needs_proc
@pytest.mark.parametrize("delay", [0, 0.02, 0.05])  # It is importing at the last of them.
def test_interrupted_while_a_worker_starts(options, delay):
    process = subprocess.Popen(
        command(*options),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # Shells have their background jobs ignore Ctrl-C, and these tests may be in one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    # The first reads the database.
    while sum("process_pool" in what_runs(child) for child in children(process)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGINT)
    stderr = process.communicate()[1].decode()
    assert "Traceback" not in stderr
    assert stderr.endswith("\nstopped by Ctrl-C\n")
    assert process.returncode == 130


@needs_proc
def test_no_process_outlives_the_command(options, tmp_path):
    process = subprocess.Popen(
        command(*options, "--shard_images=5"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not list((tmp_path / "out").glob("*.tfrecord")):  # Then all processes have started.
        assert time.monotonic() < deadline
        time.sleep(0.01)
    started = children(process)
    assert len(started) >= 3  # the reader of the database too
    process.kill()
    process.wait()
    while any(map(is_running, started)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(number):
    status = Path(f"/proc/{number}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_errors_are_one_line(options, tmp_path):
    for arguments, message in [
        (("--category=castle",), "there are bedroom"),
        ((f"--data_dir={tmp_path / 'gone'}",), "no such file or folder"),
        (("--image_size=4",), "image_size"),
        (("extra",), "expected flags only"),
        (("--lossless", "--quality=90"), "--quality: has no effect with --lossless; omit one"),
    ]:
        result = run(*options, *arguments)
        assert result.returncode == 2
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1
        assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_help():
    result = run("--help")
    assert result.returncode == 0
    for flag in ("--data_dir", "--[no]crop", "--[no]lossless", "--shard_images"):
        assert flag in result.stdout
