"""One-line description of hardware and software."""

from __future__ import annotations

import contextlib
import os
import platform

import keras
import tensorflow as tf

from lsgan_tf.util import cpu

PREFIX = "machine: "
"""Prefix of the line in a run's log."""


def describe_machine(strategy: tf.distribute.Strategy) -> str:
    """Describe processor, memory, GPUs, replicas and versions.

    Args:
      strategy: the devices of the run.
    """
    gpus = [_gpu(device) for device in tf.config.list_physical_devices("GPU")]
    parts = [
        f"{cpu.cores()} cores of {cpu.name()}",
        f"{_memory() / 2**30:.0f} GiB" if _memory() else "",
        ", ".join(f"{gpus.count(name)} x {name}" for name in dict.fromkeys(gpus)),
        f"{strategy.num_replicas_in_sync} replicas" if strategy.num_replicas_in_sync > 1 else "",
        f"TensorFlow {tf.__version__}, Keras {keras.__version__}",
        f"Python {platform.python_version()} on {platform.system()}",
    ]
    return PREFIX + "; ".join(filter(None, parts))


def _memory() -> int:
    """Return the memory in bytes; 0 if unknown."""
    with contextlib.suppress(ValueError, OSError, AttributeError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 0


def _gpu(device: tf.config.PhysicalDevice) -> str:
    return tf.config.experimental.get_device_details(device).get("device_name", "GPU")
