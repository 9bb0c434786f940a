"""Configuration of malloc, verified by counting page faults, and of oneDNN."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from lsgan_tf.util import tensorflow_setup
from lsgan_tf.util.tensorflow_setup import LOG_LEVEL, keep_memory

# Blocks larger than 32 MiB, up to which glibc adapts its threshold by itself.
COUNT = """
import ctypes, resource
from lsgan_tf.util.tensorflow_setup import LOG_LEVEL, keep_memory
print(*keep_memory())
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
def touch():
    block = libc.malloc(40 << 20)
    ctypes.memset(block, 1, 40 << 20)
    libc.free(block)
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
touch()
before = faults()
for _ in range(10):
    touch()
print(faults() - before)
"""
glibc = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="glibc's malloc alone is set up"
)


def count(**environment):
    """The parameters set, and the page faults of ten large allocations."""
    clean = {k: v for k, v in os.environ.items() if "MALLOC" not in k and k != "GLIBC_TUNABLES"}
    done = subprocess.run(
        [sys.executable, "-c", COUNT], capture_output=True, text=True, env=clean | environment
    )
    assert done.returncode == 0, done.stderr
    made, faults = done.stdout.splitlines()
    return made.split(), int(faults)


@glibc
def test_memory_that_is_freed_is_used_again():
    made, faults = count()
    assert made == ["MMAP_MAX", "TRIM_THRESHOLD", "TOP_PAD", "ARENA_MAX"]
    assert faults < 20


@glibc
@pytest.mark.parametrize(
    "environment",
    [
        {"MALLOC_MMAP_MAX_": "65536"},
        {"MALLOC_MMAP_THRESHOLD_": "1000000"},
        {"GLIBC_TUNABLES": "glibc.malloc.mmap_max=65536"},
    ],
)
def test_parameters_set_by_the_user_are_kept(environment):
    made, faults = count(**environment)
    assert made == ["TRIM_THRESHOLD", "TOP_PAD", "ARENA_MAX"]
    # Even in the largest pages there are, of 2 MiB.
    assert faults >= 200


def test_each_setting_can_be_the_users(monkeypatch):
    class Library:
        gnu_get_libc_version = None

        def mallopt(self, parameter, value):
            return 1

    monkeypatch.setattr(tensorflow_setup.sys, "platform", "linux")
    monkeypatch.setattr(tensorflow_setup.ctypes, "CDLL", lambda name: Library())
    assert keep_memory({"MALLOC_ARENA_MAX": "4"}) == ["MMAP_MAX", "TRIM_THRESHOLD", "TOP_PAD"]
    tunables = {"GLIBC_TUNABLES": "glibc.malloc.top_pad=1:glibc.malloc.trim_threshold=2"}
    assert keep_memory(tunables) == ["MMAP_MAX", "ARENA_MAX"]


def test_elsewhere_nothing_happens(monkeypatch):
    monkeypatch.setattr(tensorflow_setup.ctypes, "CDLL", lambda name: object())  # musl
    assert keep_memory({}) == []
    monkeypatch.setattr(tensorflow_setup.sys, "platform", "darwin")
    monkeypatch.setattr(tensorflow_setup.ctypes, "CDLL", None)
    assert keep_memory({}) == []


def test_is_done_before_tensorflow_is_there(monkeypatch):
    for name in ("TF_CPU_ALLOCATOR_USE_BFC", "TF_CPP_MIN_LOG_LEVEL", *tensorflow_setup.ONEDNN):
        monkeypatch.setenv(name, "3")  # brought back afterwards, like the rest
    calls = []
    monkeypatch.setattr(tensorflow_setup, "keep_memory", lambda: calls.append("keep_memory"))
    monkeypatch.setattr(tensorflow_setup.importlib, "import_module", calls.append)
    tensorflow_setup.import_tensorflow()
    assert calls == ["keep_memory", "tensorflow"]


@pytest.mark.skipif(not tensorflow_setup.ONEDNN, reason="for x86 processors")
@pytest.mark.parametrize(("before", "after"), [(None, "1"), ("0", "0")], ids=str)
def test_onednn_is_on_unless_the_user_says_otherwise(monkeypatch, before, after):
    for name in ("TF_CPU_ALLOCATOR_USE_BFC", "TF_CPP_MIN_LOG_LEVEL", "KERAS_BACKEND"):
        monkeypatch.setenv(name, "3")  # brought back afterwards
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    if before is None:
        monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    seen = []
    monkeypatch.setattr(tensorflow_setup, "keep_memory", lambda: None)
    monkeypatch.setattr(
        tensorflow_setup.importlib,
        "import_module",
        lambda _: seen.append(os.environ["TF_ENABLE_ONEDNN_OPTS"]),
    )
    tensorflow_setup.import_tensorflow()
    assert seen == [after]


# Prints what it finds on standard error, as C++ does, while it is "imported".
NOISY = """
import os, signal, sys
from lsgan_tf.util import tensorflow_setup

def noisy(name):
    os.write(2, b"WARNING: chatter\\n")
    if "fails" in sys.argv:
        raise ImportError("broken")
    if "interrupted" in sys.argv:
        # A process in the background may have been started with the signal ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.kill(os.getpid(), signal.SIGINT)

tensorflow_setup.importlib.import_module = noisy
tensorflow_setup.import_tensorflow()
print(os.environ["TF_CPP_MIN_LOG_LEVEL"])
"""


def noisy(*words, level=None):
    environment = {name: value for name, value in os.environ.items() if name != LOG_LEVEL}
    environment |= {LOG_LEVEL: level} if level else {}
    return subprocess.run(
        [sys.executable, "-c", NOISY, *words], capture_output=True, text=True, env=environment
    )


def test_start_up_messages_are_hidden():
    done = noisy()
    assert (done.stdout, done.stderr) == ("3\n", "")
    assert noisy(level="3").stderr == ""  # a child of a command


def test_a_level_that_the_user_has_set_stays():
    done = noisy(level="0")
    assert (done.stdout, done.stderr) == ("0\n", "WARNING: chatter\n")


def test_messages_are_shown_where_the_import_fails():
    done = noisy("fails")
    assert done.returncode == 1 and done.stderr.startswith("WARNING: chatter\n")


def test_messages_stay_hidden_where_the_user_interrupts_the_import():
    done = noisy("interrupted")
    assert done.returncode and "KeyboardInterrupt" in done.stderr and "chatter" not in done.stderr


def test_nothing_is_hidden_once_tensorflow_is_there(monkeypatch, capfd):
    monkeypatch.setenv(LOG_LEVEL, "3")
    monkeypatch.setitem(sys.modules, "tensorflow", object())
    with tensorflow_setup.quiet():
        os.write(2, b"a message of ours")
    assert capfd.readouterr().err == "a message of ours"
