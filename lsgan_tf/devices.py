"""The devices of a run, as a `tf.distribute` strategy."""

from __future__ import annotations

import re

import tensorflow as tf

from lsgan_tf.errors import UserError

_FORM = re.compile(r"(auto|cpu|gpu)(?::(\d+))?$")


def make_strategy(devices: str) -> tf.distribute.Strategy:
    """One code path for one CPU, one GPU and many devices: a MirroredStrategy.

    Args:
      devices: "auto" (all GPUs, else the CPU), "cpu", "cpu:N" for N logical
        devices on the CPU, "gpu" for all GPUs, "gpu:N" for the first N.

    Raises:
      UserError: if the text has another form or asks for more GPUs than there are.
    """
    match = _FORM.match(devices)
    if not match or (match[1] == "auto" and match[2]):
        raise UserError(f"--devices={devices}: expected auto, cpu, cpu:N, gpu or gpu:N")
    kind, count = match[1], int(match[2]) if match[2] else None
    gpus = tf.config.list_physical_devices("GPU")
    if kind == "auto":
        kind = "gpu" if gpus else "cpu"
    if kind == "gpu":
        return _gpus(devices, gpus, count)
    return _cpus(devices, 1 if count is None else count)


def _gpus(
    devices: str, gpus: list[tf.config.PhysicalDevice], count: int | None
) -> tf.distribute.Strategy:
    count = len(gpus) if count is None else count
    if not 1 <= count <= len(gpus):
        raise UserError(
            f"--devices={devices}: TensorFlow sees {len(gpus)} GPUs; ask for that many at most, "
            "or train with --devices=cpu (pip install lsgan_tf[cuda] brings CUDA)"
        )
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    return tf.distribute.MirroredStrategy([f"GPU:{number}" for number in range(count)])


def _cpus(devices: str, count: int) -> tf.distribute.Strategy:
    if not 1 <= count <= 64:
        raise UserError(f"--devices={devices}: expected cpu:1 to cpu:64")
    if count > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        logical = [tf.config.LogicalDeviceConfiguration()] * count
        try:
            tf.config.set_logical_device_configuration(cpu, logical)
        except RuntimeError as error:  # TensorFlow already runs with another number
            if len(tf.config.list_logical_devices("CPU")) < count:
                raise UserError(
                    f"--devices={devices}: TensorFlow has already started with fewer logical "
                    "devices in this process; start a new process"
                ) from error
    # The default reduction deadlocks or fails between logical CPUs; this one adds on one device.
    return tf.distribute.MirroredStrategy(
        [f"CPU:{number}" for number in range(count)],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
