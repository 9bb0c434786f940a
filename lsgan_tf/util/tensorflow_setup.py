"""Has C's malloc keep the memory that it is given back.

A training step takes and frees large scratch blocks many times: Eigen packs the operands
of each matrix product, oneDNN those of each convolution. As set up by default, glibc hands
such blocks back to the kernel, which then delivers every page anew and zeroed.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping

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
