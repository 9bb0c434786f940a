"""Description of the machine, for benchmark results."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from lsgan_tf.util import cpu
from lsgan_tf.util.files import atomic_file, explained

_PACKAGES = ("lsgan_tf", "tensorflow", "keras", "numpy", "torch")
_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16")
# Load above which the machine is busy.
_QUIET = 0.5


def describe() -> dict[str, Any]:
    """Describe processor, memory, GPUs, versions, environment and current load."""
    return {
        "processor": cpu.name(),
        "cores": cpu.cores(),
        "instructions": [flag for flag in _FLAGS if flag in (cpu.instructions() or ())],
        "memory_gib": _memory(),
        "gpus": _gpus(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
        "environment": {
            name: value
            for name, value in sorted(os.environ.items())
            if name.startswith(("TF_", "OMP_", "ONEDNN_", "MALLOC_", "KMP_", "XLA_"))
        },
        "load": round(os.getloadavg()[0], 2),
    }


def in_words(machine: dict[str, Any]) -> str:
    """Format the description, with a warning if the machine is busy."""
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    lines = [
        f"{machine['processor']}, {machine['cores']} cores ({' '.join(machine['instructions'])}), "
        f"{machine['memory_gib']} GiB" + "".join(f", {gpu}" for gpu in machine["gpus"]),
        f"Python {machine['python']}, {packages}",
    ]
    if machine["load"] > _QUIET:
        lines.append(
            f"warning: the machine is busy (load {machine['load']}): wall times are unreliable; "
            "compare CPU seconds, with care"
        )
    return "\n".join(lines)


def write(path: Path, machine: dict[str, Any], measured: Any) -> None:
    """Write measurements as JSON, with the machine and the command, atomically."""
    when = time.strftime("%Y-%m-%d %H:%M:%S")
    content = {"when": when, "command": sys.argv, "machine": machine, "measured": measured}
    with explained(path, "writing the measurements"), atomic_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2), encoding="utf-8")


def has_bfloat16() -> bool:
    """Return whether there is a GPU, or a processor with instructions for bfloat16."""
    return bool(_gpus()) or bool({"avx512_bf16", "amx_bf16"} & (cpu.instructions() or set()))


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    except (ValueError, OSError):
        return None


def _gpus() -> list[str]:
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.strip().splitlines() if done.returncode == 0 else []


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
