"""The settings of the machine and of the run folder, of which only precision changes a result."""

from __future__ import annotations

import dataclasses
import functools

from lsgan_tf.settings.field import setting

_machine = functools.partial(setting, "machine")
_run = functools.partial(setting, "run", free=True)


@dataclasses.dataclass(frozen=True)
class MachineSettings:
    """The part of `lsgan_tf.config.Config` that is about devices and files."""

    precision: str = _machine(
        "float32",
        "arithmetic of the networks; weights stay float32, bfloat16 is the fast choice",
        choices=("float32", "bfloat16", "float16"),
    )
    devices: str = _machine(
        "auto",
        "auto (all GPUs, else the CPU), cpu, cpu:N (N logical devices), gpu, or gpu:N",
        free=True,
    )
    worker_timeout: float = _machine(
        600.0, "several hosts: how long to wait for all workers", "seconds", 1, 1e6, free=True
    )
    steps_per_call: int = _machine(
        10, "most that one call into TensorFlow runs", "steps", 1, 10**6, free=True
    )
    deterministic: bool = _machine(False, "have every operation repeat to the bit", free=True)
    jit_compile: str = _machine(
        "auto",
        "compile with XLA; auto: on one GPU, and for the mixture on one CPU device",
        choices=("auto", "on", "off"),
        free=True,
    )

    run_dir: str | None = _run(
        None,
        "the run's folder; an existing one is resumed",
        optional=str,
        unset="a new one under runs/",
    )
    log_every: int = _run(100, "time between log lines", "steps", 1, 10**9)
    sample_every: int = _run(
        1000, "time between sample grids; 0: none after the first", "steps", 0, 10**9
    )
    checkpoint_every: int = _run(
        1000, "time between checkpoints; 0: at the end only", "steps", 0, 10**9
    )
    keep_checkpoints: int = _run(3, "the newest ones kept", "checkpoints", 1, 10**6)
