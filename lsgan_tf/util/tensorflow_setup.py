"""Set-up of malloc and of TensorFlow's environment.

A training step allocates and frees large scratch blocks many times: Eigen packs the operands
of each matrix product, oneDNN those of each convolution. By default, glibc returns such blocks
to the kernel, which zeroes each page when it is allocated again.
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

# Number (from glibc's malloc.h) and value of each mallopt parameter, by the name of its
# environment variable and tunable.
_SETTINGS = {
    "MMAP_MAX": (-4, 0),  # allocate large blocks on the heap, too
    "TRIM_THRESHOLD": (-1, 2**31 - 1),  # never return memory to the kernel
    "TOP_PAD": (-2, 64 << 20),  # minimum growth of the heap in bytes
    "ARENA_MAX": (-8, 1),  # one heap for all threads, instead of one peak per thread
}
# A user who sets the second parameter of a pair wants the first left alone.
_ALSO = {"MMAP_MAX": "MMAP_THRESHOLD"}

# Without AVX-512, TensorFlow disables oneDNN by default. Its own input gradient of a convolution
# packs the weights again for every few images: a DCGAN step takes four times as long.
ONEDNN = {"TF_ENABLE_ONEDNN_OPTS": "1"} if platform.machine() in ("x86_64", "AMD64") else {}
"""Environment variables to set before the import, unless set by the user."""
# The user's Keras settings are neither read nor created.
KERAS = {"KERAS_BACKEND": "tensorflow", "KERAS_HOME": os.path.join(os.devnull, "keras")}
"""Environment variables to set before the import of Keras."""
LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
"""The variable with which a user requests TensorFlow's log: 0 for all of it, 2 for errors."""
_SILENT = "3"
# Messages of the system's loader and of Python.
_NO_MEMORY = ("failed to map segment", "cannot allocate memory", "Cannot allocate memory")


def keep_memory(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Configure glibc's malloc for training; no-op with other C libraries.

    Parameters set by the user with `MALLOC_...` variables or `GLIBC_TUNABLES` are kept.

    Args:
      environment: the environment variables.

    Returns:
      Names of the parameters set, without prefix.
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
    """Import TensorFlow, configured for training, without its start-up messages (see `quiet`).

    Raises:
      UserError: if there is too little memory or address space to load it.
      OSError: if there is no temporary folder, without which TensorFlow traces nothing.
    """
    _require_address_space()
    # TensorFlow's BFC allocator keeps the memory of large tensors between steps, while malloc
    # returns it to the kernel, which can double a step's time. Scratch memory still comes from
    # malloc.
    os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")
    keep_memory()
    for name, value in ONEDNN.items():
        os.environ.setdefault(name, value)
    os.environ.update(KERAS)
    with quiet():
        try:
            importlib.import_module("tensorflow")
        except BaseException as error:
            if any(text in str(error) for text in _NO_MEMORY):
                raise UserError(
                    "there is too little memory to load TensorFlow; end other programs that use "
                    "memory, or raise the limit (ulimit -v)"
                ) from error
            raise


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hide TensorFlow's output inside the context while it is imported, and disable its log.

    If the user has set a log level, it is kept and nothing is hidden. Messages on missing CUDA
    libraries, which are printed at every level, are shown if the import fails, not if it is
    interrupted.
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
        except (UserError, KeyboardInterrupt):
            raise
        except BaseException:
            messages.seek(0)
            os.write(stderr, messages.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _require_address_space() -> None:
    """Check that the limit of the address space suffices for TensorFlow, which else aborts.

    Raises:
      UserError: if it does not.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    # Measured; each core adds threads, each with a stack and a malloc arena.
    needed = (2 << 30) + (os.cpu_count() or 1) * (128 << 20)
    if limit != resource.RLIM_INFINITY and limit < needed:
        raise UserError(
            f"the address space is limited to {limit / 2**30:.2f} GiB and TensorFlow needs at "
            f"least {needed / 2**30:.2f} GiB on this machine; raise the limit: ulimit -v unlimited"
        )
