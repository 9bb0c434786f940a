"""Properties of the processor."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


def cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def name() -> str:
    """Return the name of the processor."""
    names = _values("model name")
    return names[0] if names else platform.processor() or platform.machine()


def instructions() -> frozenset[str] | None:
    """Return Linux's names of the instruction-set extensions (x86's flags); None if unknown."""
    flags = _values("flags")
    return frozenset(flags[0].split()) if flags else None


def _values(key: str) -> list[str]:
    """Return the values of a key in /proc/cpuinfo, one for each core."""
    try:
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    pairs = (line.partition(":") for line in lines)
    return [" ".join(value.split()) for found, _, value in pairs if found.strip() == key]
