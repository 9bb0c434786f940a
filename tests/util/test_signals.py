"""The first signal is recorded, a Ctrl-C after it exits at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from lsgan_tf.util.signals import Interruption, exit_status

# One long call, as into TensorFlow, during which Python's handlers cannot run.
BUSY = """
import sys
from lsgan_tf.util.signals import Interruption
with Interruption():
    print("busy", flush=True)
    sum(range(10**10))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_notes_the_first_signal(number, capfd):
    with Interruption() as interruption:
        assert interruption.signal is None
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), signal.SIGTERM)
        deadline = time.monotonic() + 60
        while interruption.signal is None and time.monotonic() < deadline:
            time.sleep(0.01)
    assert interruption.signal is number


def test_puts_the_former_handlers_back():
    former = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Interruption():
        assert signal.getsignal(signal.SIGINT) != former[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == former


def test_statuses_are_those_of_shells():
    assert exit_status(signal.SIGINT) == 130
    assert exit_status(signal.SIGTERM) == 143


def test_a_second_ctrl_c_stops_at_once():
    # A C call that holds the GIL would block the listening thread as well; TensorFlow releases
    # the GIL while it computes, as waiting for a lock does.
    code = BUSY.replace("sum(range(10**10))", "import threading; threading.Lock().acquire() or 0")
    code = code.replace("threading.Lock()", "(lambda l: (l.acquire(), l)[1])(threading.Lock())")
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "busy\n"
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline().startswith("Ctrl-C: finishing this call")
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert "stopped at once" in process.stderr.read()
    process.stdout.close()
    process.stderr.close()
