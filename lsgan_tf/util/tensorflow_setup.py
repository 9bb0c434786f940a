"""Sets up C's malloc and TensorFlow's environment, and imports TensorFlow.

A training step takes and frees large scratch blocks many times: Eigen packs the operands
of each matrix product, oneDNN those of each convolution. As set up by default, glibc hands
such blocks back to the kernel, which then delivers every page anew and zeroed.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Mapping

from lsgan_tf.errors import UserError

# From glibc's malloc.h: the parameter's number and the value that it gets, by the name of
# the environment variable (and of the tunable) with which a user sets it.
_SETTINGS = {
    "MMAP_MAX": (-4, 0),  # large blocks come from the heap, too
    "TRIM_THRESHOLD": (-1, 2**31 - 1),  # whose end is not given back
    "TOP_PAD": (-2, 64 << 20),  # and which grows by so many bytes at least
    "ARENA_MAX": (-8, 1),  # one heap for all threads, or each would keep its own peak
}
# Whoever says which blocks get a mapping of their own wants mappings.
_ALSO = {"MMAP_MAX": "MMAP_THRESHOLD"}

# Without AVX-512, TensorFlow leaves oneDNN off by itself. Its own gradient of a convolution for
# the input packs the weights anew for every few images: a DCGAN step takes four times as long.
ONEDNN = {"TF_ENABLE_ONEDNN_OPTS": "1"} if platform.machine() in ("x86_64", "AMD64") else {}
"""What has to be in the environment, unless the user says otherwise, before the import."""
# Whatever backend and formats the user's other work has Keras on: its settings are not read,
# nor written where there are none.
KERAS = {"KERAS_BACKEND": "tensorflow", "KERAS_HOME": os.path.join(os.devnull, "keras")}
"""What has to be in the environment before the import of Keras."""
LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
"""The variable with which a user asks for TensorFlow's own log: 0 is all of it, 2 its errors."""
_SILENT = "3"
# How the system's loader and Python say that there is no memory.
_NO_MEMORY = ("failed to map segment", "cannot allocate memory", "Cannot allocate memory")


def keep_memory(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Sets glibc's malloc up for training; does nothing where there is another.

    What the user has set by `MALLOC_...` variables or by `GLIBC_TUNABLES` stays.

    Args:
      environment: the process's variables.

    Returns:
      Names of the settings made, without their prefix.
    """
    if sys.platform != "linux":
        return []
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return []
    return [
        name
        for name, (parameter, value) in _SETTINGS.items()
        if not _set_by_user(name, environment)
        and not _set_by_user(_ALSO.get(name, name), environment)
        and library.mallopt(parameter, value)
    ]


def _set_by_user(name: str, environment: Mapping[str, str]) -> bool:
    # Most variables end in an underscore; glibc reads MALLOC_ARENA_MAX without one.
    variables = (f"MALLOC_{name}_", f"MALLOC_{name}")
    tunable = f"glibc.malloc.{name.lower()}="
    return any(variable in environment for variable in variables) or tunable in environment.get(
        "GLIBC_TUNABLES", ""
    )


def import_tensorflow() -> None:
    """Imports TensorFlow, set up for training, without its start-up messages (see `quiet`).

    Raises:
      UserError: if there is too little memory or address space to load it.
      OSError: if there is no temporary folder, without which TensorFlow traces nothing.
    """
    _require_address_space()
    # TensorFlow's own allocator keeps large tensors' memory between steps; malloc hands it
    # back and takes it again, page by page, which can double a step's time. Scratch memory
    # comes from malloc all the same.
    os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")
    keep_memory()
    for name, value in ONEDNN.items():
        os.environ.setdefault(name, value)
    os.environ.update(KERAS)
    # Whatever backend the user's other work has Keras on.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with quiet():
        try:
            importlib.import_module("tensorflow")
        except BaseException as error:
            if any(words in str(error) for words in _NO_MEMORY):
                raise UserError(
                    "there is too little memory to load TensorFlow; end what else uses memory, or "
                    "raise the limit (ulimit -v)"
                ) from error
            raise


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hides what TensorFlow prints while it is imported, and turns its own log off.

    A log level that the user has set stays, and then nothing is hidden. Messages on missing
    CUDA libraries are printed whatever the level; they are shown if the import fails.
    """
    hidden = os.environ.setdefault(LOG_LEVEL, _SILENT) == _SILENT
    if not hidden or "tensorflow" in sys.modules:
        yield
        return
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            yield
        except UserError:
            raise
        except BaseException:
            messages.seek(0)
            os.write(stderr, messages.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _require_address_space() -> None:
    """Refuses a limit of the address space below which TensorFlow ends the process.

    Raises:
      UserError: if there is such a limit.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    # Measured; each core has threads, with a stack and memory of malloc's each.
    needed = (2 << 30) + (os.cpu_count() or 1) * (128 << 20)
    if limit != resource.RLIM_INFINITY and limit < needed:
        raise UserError(
            f"the address space is limited to {limit / 2**30:.2f} GiB and TensorFlow needs at "
            f"least {needed / 2**30:.2f} GiB on this machine; raise the limit: ulimit -v unlimited"
        )
