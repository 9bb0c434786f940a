"""Estimates the time and memory of a full run on other hardware.

    python -m lsgan_tf plan-hardware
    python -m lsgan_tf plan-hardware --efficiency=0.5 --images=30000000

For the paper's two large runs (HWDB1.0 and LSUN bedroom, a million steps of batch 64), in float32
and bfloat16, on one GPU, on one host and on several hosts: time, memory, disk and network, and
the bottleneck. Operations, parameters and outputs are counted from the layers; everything else is
a flag whose default is an assumption, to be replaced by a measurement. The model assumes no
overlap: a step is arithmetic, then the all-reduce of gradients, then the small all-reduces of
synchronised normalisation, unless the input is slower than that.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from absl import flags

from lsgan_tf.cli.app import flags_only, refuse_given
from lsgan_tf.config import resolve
from lsgan_tf.errors import UserError
from lsgan_tf.util.tensorflow_setup import import_tensorflow


def _number(name: str, default: float, text: str) -> flags.FlagHolder[float]:
    return flags.DEFINE_float(name, default, text, 1e-9, _MOST)


def _whole(name: str, default: int, text: str, low: int = 1) -> flags.FlagHolder[int]:
    return flags.DEFINE_integer(name, default, text, low, _MOST)


_MOST = 10**15  # beyond, quotients are 0 or infinite
_STEPS = _whole("steps", 1_000_000, "training steps")
_BATCH = _whole("batch_size", 64, "global batch size")
_IMAGES = _whole("images", 0, "size of the dataset; 0: its actual size", 0)
_HOST_GPUS = _whole("gpus_per_host", 8, "GPUs per host")
_HOSTS = _whole("hosts", 4, "number of hosts of the largest plan")
_FLOAT32 = _number("float32_tflops", 156, "peak of a GPU in float32 (A100: TF32), TFLOP/s")
_BFLOAT16 = _number("bfloat16_tflops", 312, "peak of a GPU in bfloat16 (A100), TFLOP/s")
_EFFICIENCY = _number("efficiency", 0.35, "fraction of the peak reached at large batches (assumed)")
_HALF_BATCH = _number("half_batch", 16, "images per GPU at which half of that is reached (assumed)")
_GPU_MEMORY = _number("gpu_memory_gib", 80, "memory of a GPU, GiB")
_LINK = _number("link_gb_s", 200, "all-reduce bandwidth between GPUs of a host, GB/s")
_NETWORK = _number("network_gbit_s", 100, "network bandwidth of a host, Gbit/s")
_LATENCY = _number("latency_us", 30, "latency of a small all-reduce within a host, microseconds")
_NETWORK_LATENCY = _number("network_latency_us", 100, "latency of one between hosts, microseconds")
_DISK = _number("disk_mb_s", 500, "rate of random reads of images, MB/s per host")
_DISK_SIZE = _number("disk_gib", 1000, "disk of a host, GiB")
_HOST_MEMORY = _number("host_memory_gib", 256, "memory of a host, GiB")
_DECODE = _number("decode_images_s", 20_000, "images that a host decodes per second (assumed)")
_KEEP = _whole("keep_checkpoints", 3, "number of checkpoints to keep")

_GIB = float(1 << 30)
# Config, number of classes and channels of the paper's two large runs.
_NETS: dict[str, tuple[dict[str, Any], int, int]] = {
    "hwdb": ({"dataset": "hwdb", "conditional": True}, 3740, 1),
    "scene112": ({"dataset": "lsun"}, 0, 3),
}


@dataclasses.dataclass(frozen=True)
class Work:
    """Workload of a training run.

    Attributes:
      name: name of the dataset.
      operations: floating-point operations per image and step.
      parameters: number of parameters of G and of D.
      outputs: activations kept for the backward pass, per image.
      norms: all-reduces of synchronised batch normalisation per step.
      images: number of training images.
      image_bytes: size of a prepared image on disk.
      encoded: whether images are decoded when read.
    """

    name: str
    operations: float
    parameters: tuple[int, int]
    outputs: int
    norms: int
    images: int
    image_bytes: int
    encoded: bool


@dataclasses.dataclass(frozen=True)
class Hardware:
    """Available hardware, in the units of the flags' help."""

    gpus: int
    hosts: int
    tflops: float
    number_bytes: int


def main(argv: list[str]) -> None:
    """Run the command."""
    flags_only(argv)
    sizes = [(1, 1), (_HOST_GPUS.value, 1), (_HOST_GPUS.value * _HOSTS.value, _HOSTS.value)]
    for gpus, _ in sizes:
        if _BATCH.value % gpus:
            raise UserError(
                f"--batch_size={_BATCH.value} can't be split evenly over {gpus} GPUs, as training "
                "does; give a multiple, or other --gpus_per_host and --hosts"
            )
    for hardware, names in (
        (_HOST_GPUS, ("link_gb_s", "latency_us")),
        (_HOSTS, ("network_gbit_s", "network_latency_us")),
    ):
        if hardware.value == 1:
            refuse_given(names, f"nothing is sent with --{hardware.name}=1; omit one of them")
    import_tensorflow()
    for name in _NETS:
        work = count(name)
        print(
            f"\n{work.name}: {work.operations * _BATCH.value / 1e9:,.0f} GFLOP a step, "
            f"{sum(work.parameters) / 1e6:.1f} million parameters, {work.images:,} images of "
            f"{work.image_bytes:,} bytes, {_STEPS.value:,} steps of {_BATCH.value}"
        )
        for precision, tflops, number_bytes in (
            ("float32", _FLOAT32.value, 4),
            ("bfloat16", _BFLOAT16.value, 2),
        ):
            for gpus, hosts in sizes:
                found = plan(work, Hardware(gpus, hosts, tflops, number_bytes))
                print(f"  {precision}, {gpus} GPU(s) on {hosts} host(s): {in_words(found)}")


def count(net: str) -> Work:
    """Count the workload of a run of the paper from its layers.

    Args:
      net: "hwdb" or "scene112" (LSUN bedroom).
    """
    from lsgan_tf.build import build_networks
    from lsgan_tf.networks import flops as operations

    given, classes, channels = _NETS[net]
    resolved, _ = resolve(given, {})
    shape = (resolved.image_size, resolved.image_size, channels)
    config = dataclasses.replace(resolved, data_shape=shape, data_classes=classes)
    generator, discriminator = pair = build_networks(config)
    outputs = [sum(layer.outputs for layer in operations.count(network)) for network in pair]
    norms = [sum(row.kind == "batch norm" for row in network.describe()) for network in pair]
    of_g, of_d = (sum(row.parameters for row in network.describe()) for network in pair)
    name, images, image_bytes, encoded = {
        # The paper's counts; bytes of a prepared image (measured for JPEG 95 of bedrooms).
        "hwdb": ("HWDB1.0", 1_246_991, 28 * 28, False),
        "scene112": ("LSUN bedroom", 3_033_042, 7_840, True),
    }[net]
    return Work(
        name=name,
        operations=float(operations.training_step(generator, discriminator, batch_size=1)),
        parameters=(of_g, of_d),
        outputs=outputs[0] + 2 * outputs[1],
        # Mean and variance, forward and backward; D runs three times in a step.
        norms=4 * (norms[0] + 3 * norms[1]),
        images=_IMAGES.value or images,
        image_bytes=image_bytes,
        encoded=encoded,
    )


def plan(work: Work, hardware: Hardware) -> dict[str, Any]:
    """Estimate time, sizes and utilisation of each resource.

    Returns:
      Seconds and bytes by name; under "used" the fraction of each resource.
    """
    gpus, hosts, batch = hardware.gpus, hardware.hosts, _BATCH.value
    share = batch / gpus
    efficiency = _EFFICIENCY.value * share / (share + _HALF_BATCH.value)
    arithmetic = work.operations * share / (hardware.tflops * 1e12 * efficiency)
    gradients = 4 * sum(work.parameters)
    reduced = waiting = 0.0
    if gpus > 1:
        # A ring all-reduce sends each byte nearly twice.
        speed = _LINK.value * 1e9 if hosts == 1 else _NETWORK.value * 1e9 / 8
        members = gpus if hosts == 1 else hosts
        reduced = 2 * (members - 1) / members * gradients / speed
        latency = _LATENCY.value if hosts == 1 else _NETWORK_LATENCY.value
        waiting = work.norms * latency * 1e-6
    step = arithmetic + reduced + waiting
    images_per_host = batch / hosts
    reading = images_per_host * work.image_bytes / (_DISK.value * 1e6)
    decoding = images_per_host / _DECODE.value if work.encoded else 0.0
    state = 12 * sum(work.parameters)
    memory = state + 4 * max(work.parameters) + hardware.number_bytes * work.outputs * share
    # Permutations of two epochs, 4 bytes per image, and the random words being sorted.
    shuffling = work.images * (2 * 4 + 2 * 8)
    disk = work.images * work.image_bytes + _KEEP.value * state
    used = {
        "GPU memory": memory / (_GPU_MEMORY.value * _GIB),
        "host memory": shuffling / (_HOST_MEMORY.value * _GIB),
        "disk space": disk / (_DISK_SIZE.value * _GIB),
        "disk reads": reading / step,
        "decoding": decoding / step,
        "communication": (reduced + waiting) / step,
    }
    step = max(step, reading, decoding)
    return {
        "step": step,
        "arithmetic": arithmetic,
        "run": step * _STEPS.value,
        "memory": memory,
        "host_memory": shuffling,
        "disk": disk,
        "disk_rate": images_per_host * work.image_bytes / step,
        "network_rate": 0.0 if hosts == 1 else 2 * (hosts - 1) / hosts * gradients / step,
        "used": used,
    }


def in_words(found: dict[str, Any]) -> str:
    """Format a plan as a line."""
    first = max(found["used"], key=found["used"].get)
    return (
        f"{found['run'] / 3600:,.1f} h ({found['step'] * 1e3:.2f} ms a step, of which arithmetic "
        f"{found['arithmetic'] * 1e3:.2f}), GPU memory {found['memory'] / _GIB:.2f} GiB, shuffling "
        f"{found['host_memory'] / _GIB:.2f} GiB, disk {found['disk'] / _GIB:,.1f} GiB at "
        f"{found['disk_rate'] / 1e6:,.1f} MB/s a host, network {found['network_rate'] / 1e9:.2f} "
        f"GB/s a host; bottleneck: {first} ({found['used'][first]:.0%})"
    )
