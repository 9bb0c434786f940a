"""One-line messages for TensorFlow's errors."""

from __future__ import annotations

import errno
import os

import pytest
import tensorflow as tf

from lsgan_tf.errors import UserError
from lsgan_tf.util.files import explained
from lsgan_tf.util.tensorflow_errors import disk_errors, one_line, os_error


def error(name, message):
    return getattr(tf.errors, name)(None, None, message)


def test_real_memory_that_runs_out():
    with pytest.raises(tf.errors.ResourceExhaustedError) as caught:
        tf.ones((1 << 20, 1 << 20, 1 << 5))
    assert os_error(caught.value) is None
    line = one_line(caught.value)
    assert line.startswith("out of memory in TensorFlow (") and "\n" not in line
    assert "--batch_size" in line and len(line) < 500


def read_data(read):
    """Calls `read` within a TensorFlow pipeline and returns the error."""
    data = tf.data.Dataset.range(1).map(lambda number: tf.numpy_function(read, [number], tf.int32))
    with pytest.raises(tf.errors.OpError) as caught:
        next(iter(data))
    return caught.value


def test_a_users_error_in_the_data_is_passed_on():
    def read(number):
        raise UserError("a.gnt: cut; fetch it again")

    assert one_line(read_data(read)) == "a.gnt: cut; fetch it again"


def test_a_mistake_of_ours_keeps_its_traceback():
    def read(number):
        raise KeyError("label")

    assert one_line(read_data(read)) is None
    assert one_line(KeyError("label")) is None
    assert one_line(error("InvalidArgumentError", "Incompatible shapes: [2] vs. [3]")) is None


@pytest.mark.parametrize(
    ("name", "message", "start"),
    [
        ("ResourceExhaustedError", "OOM when allocating tensor with shape[9]", "out of memory in"),
        ("InternalError", "Failed to call ThenRnn: out of memory", "out of memory in"),
        ("InternalError", "CUDA_ERROR_ILLEGAL_ADDRESS:\n at", "TensorFlow failed (CUDA_ERROR_ILL"),
        ("UnknownError", "cuDNN could not be loaded", "TensorFlow failed (cuDNN could not"),
        ("InvalidArgumentError", "unsupported operations on XLA_CPU_JIT", "XLA cannot compile"),
        ("ResourceExhaustedError", "/x/state.data; No space left on device", "No space left on"),
    ],
)
def test_each_has_its_remedy_in_one_line(name, message, start):
    line = one_line(error(name, message))
    assert line.startswith(start) and "\n" not in line
    assert any(word in line for word in ("--batch_size", "--jit_compile=off", "same command"))


def test_pythons_memory_too():
    assert one_line(MemoryError()).startswith("out of memory; ")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EIO])
def test_errors_of_the_disk_are_known_by_their_words(number):
    name = "PermissionDeniedError" if number == errno.EACCES else "ResourceExhaustedError"
    assert os_error(error(name, f"/x/state.index; {os.strerror(number)}")).errno == number


def test_only_a_full_disk_is_called_one(tmp_path):
    def save(raised):
        with explained(tmp_path, "writing a checkpoint"), disk_errors():
            raise raised

    with pytest.raises(UserError, match="the disk is full while writing a checkpoint"):
        save(error("ResourceExhaustedError", f"/x; {os.strerror(errno.ENOSPC)}"))
    for name, message in (("ResourceExhaustedError", "OOM when"), ("InternalError", "bad stream")):
        with pytest.raises(getattr(tf.errors, name), match=message):
            save(error(name, message))
