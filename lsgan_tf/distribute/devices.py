"""`tf.distribute` strategies for the --devices flag."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from lsgan_tf.distribute.cluster import Cluster, meet
from lsgan_tf.errors import UserError
from lsgan_tf.util import cpu

_NVIDIA = (Path("/proc/driver/nvidia/version"), Path("/dev/nvidia0"))
"""Files created by the driver of an NVIDIA GPU."""
_FORM = re.compile(r"(auto|cpu|gpu)(?::(\d{1,9}))?$")
# Instruction sets of half-precision arithmetic.
_INSTRUCTIONS = {
    "bfloat16": {"avx512_bf16", "amx_bf16"},
    "float16": {"avx512_fp16", "amx_fp16"},
}


def make_strategy(
    devices: str, cluster: Cluster | None = None, *, worker_timeout: float = 600.0
) -> tf.distribute.Strategy:
    """Make the distribution strategy.

    Args:
      devices: "auto" (all GPUs, else the CPU), "cpu", "cpu:N" for N logical
        CPU devices, "gpu" for all GPUs, "gpu:N" for the first N; per host
        if there are several.
      cluster: the hosts; None for this process alone.
      worker_timeout: seconds to wait for the other hosts.

    Returns:
      A MirroredStrategy, or with a cluster a MultiWorkerMirroredStrategy, once
      all workers are up.

    Raises:
      UserError: if `devices` is malformed or requests more devices than are available.
    """
    match = _FORM.match(devices)
    if not match or (match[1] == "auto" and match[2]):
        raise UserError(f"--devices={devices}: expected auto, cpu, cpu:N, gpu or gpu:N")
    kind, count = match[1], int(match[2]) if match[2] else None
    gpus = tf.config.list_physical_devices("GPU")
    if kind == "auto":
        kind = "gpu" if gpus else "cpu"
    chosen = _choose_gpus(devices, gpus, count) if kind == "gpu" else []
    if cluster:
        return _on_hosts(
            devices,
            cluster,
            gpus=chosen,
            cpus=1 if count is None else count,
            timeout=worker_timeout,
        )
    if chosen:
        return tf.distribute.MirroredStrategy([f"GPU:{n}" for n in range(len(chosen))])
    return _on_cpu(devices, 1 if count is None else count)


def slow_precision(precision: str, strategy: tf.distribute.Strategy) -> str | None:
    """Return a warning if the CPU has no instructions for `precision`, else None."""
    on_gpu = "GPU" in strategy.extended.worker_devices[0]
    if precision not in _INSTRUCTIONS or on_gpu:
        return None
    instructions = cpu.instructions()
    if instructions is None or instructions & _INSTRUCTIONS[precision]:
        return None
    return (
        f"--precision={precision}: this processor emulates {precision} arithmetic, so each step "
        "takes many times as long as with --precision=float32"
    )


def unused_gpu(devices: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return a warning if TensorFlow does not see an NVIDIA GPU of this machine, else None.

    Args:
      devices: value of `--devices`; no warning unless "auto".
      environment: environment variables; no warning if `CUDA_VISIBLE_DEVICES` hides all GPUs.
    """
    hidden = environment.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1")
    if devices != "auto" or hidden or not any(path.exists() for path in _NVIDIA):
        return None
    if tf.config.list_physical_devices("GPU"):
        return None
    return (
        "this machine has an NVIDIA GPU that TensorFlow does not see, so the run trains on the "
        "CPU: install the CUDA libraries with pip install 'lsgan_tf[cuda]' (in a clone: pip "
        "install '.[cuda]'), or give --devices=cpu"
    )


def _choose_gpus(
    devices: str, gpus: list[tf.config.PhysicalDevice], count: int | None
) -> list[tf.config.PhysicalDevice]:
    count = len(gpus) if count is None else count
    if not 1 <= count <= len(gpus):
        raise UserError(
            f"--devices={devices}: TensorFlow sees {len(gpus)} GPUs; use at most that many, "
            "or train with --devices=cpu (pip install lsgan_tf[cuda] installs CUDA)"
        )
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    return gpus[:count]


def _on_cpu(devices: str, count: int) -> tf.distribute.Strategy:
    if not 1 <= count <= 64:
        raise UserError(f"--devices={devices}: expected cpu:1 to cpu:64")
    if count > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        logical = [tf.config.LogicalDeviceConfiguration()] * count
        try:
            tf.config.set_logical_device_configuration(cpu, logical)
        except RuntimeError as error:  # TensorFlow was initialised with another number
            if len(tf.config.list_logical_devices("CPU")) < count:
                raise UserError(
                    f"--devices={devices}: TensorFlow has already started with fewer logical "
                    "devices in this process; start a new process"
                ) from error
    # The default reduction deadlocks or fails between logical CPUs.
    return tf.distribute.MirroredStrategy(
        [f"CPU:{number}" for number in range(count)],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )


def _on_hosts(
    devices: str,
    cluster: Cluster,
    *,
    gpus: list[tf.config.PhysicalDevice],
    cpus: int,
    timeout: float,
) -> tf.distribute.Strategy:
    if not gpus and cpus != 1:
        raise UserError(
            f"--devices={devices}: with TF_CONFIG each worker trains on one CPU device; omit "
            "the number, or start more workers"
        )
    # TensorFlow uses all visible GPUs, or else the CPU.
    tf.config.set_visible_devices(gpus, "GPU")
    return meet(cluster, timeout, tf.distribute.MultiWorkerMirroredStrategy)
