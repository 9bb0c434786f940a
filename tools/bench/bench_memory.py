"""Measure the memory of training, its theoretical minimum, and its growth.

    python tools/bench/bench_memory.py --net=hwdb --steps=1000

The minimum are the weights, Adam's two averages, the larger network's gradients, and the layers'
outputs that D's update keeps for its backward pass (for reals, for fakes and of G). The rest is
TensorFlow itself (printed separately), work space of its kernels, and memory kept by its allocator.
On a GPU the allocator's peak is printed, too. Growth is the resident memory at the end minus that
after the first tenth of the steps; it should be about zero for any number of steps.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import bench_flags
from absl import flags

from lsgan_tf.cli.app import flags_only, run

_NET = bench_flags.net("hwdb")
_PRECISION = bench_flags.precision()
_DEVICES = flags.DEFINE_string("devices", "auto", "as of lsgan_tf.main")
_BATCH = bench_flags.batch_size()
_STEPS = flags.DEFINE_integer("steps", 100, "number of steps", lower_bound=10)
_JSON = bench_flags.json_file()
_SMALL = bench_flags.small()

_MIB = float(1 << 20)


def main(argv: list[str]) -> None:
    flags_only(argv)
    import bench_machine
    import bench_ours

    from lsgan_tf.util.tensorflow_setup import import_tensorflow

    machine = bench_machine.describe()
    print(bench_machine.in_words(machine), flush=True)
    import_tensorflow()
    alone = resident()
    product = bench_ours.prepare(
        net=_NET.value,
        precision=_PRECISION.value,
        devices=_DEVICES.value,
        batch_size=_BATCH.value,
        small=_SMALL.value,
    )
    parts = bench_ours.needed(
        product.gan.generator,
        product.gan.discriminator,
        batch_size=_BATCH.value,
        bytes_each=4 if _PRECISION.value == "float32" else 2,
    )
    sizes = []
    for number in range(10):
        product.burst(_STEPS.value * (number + 1) // 10 - _STEPS.value * number // 10)
        sizes.append(resident())
    measured = {
        "steps": _STEPS.value,
        "needed_mib": {name: round(value / _MIB, 1) for name, value in parts.items()},
        "needed_total_mib": round(sum(parts.values()) / _MIB, 1),
        "peak_mib": round(peak(), 1),
        "tensorflow_alone_mib": round(alone, 1),
        "growth_mib": round(sizes[-1] - sizes[0], 1),
        "resident_mib": [round(size, 1) for size in sizes],
        "device_peak_mib": _device_peak(),
    }
    for name, value in measured.items():
        print(f"{name}: {value}", flush=True)
    if _JSON.value:
        bench_machine.write(_JSON.value, machine, measured)


def resident() -> float:
    """Return the resident memory of this process in MiB, or its peak if unknown."""
    path = Path("/proc/self/status")
    if path.is_file():
        for line in path.read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return peak()


def peak() -> float:
    """Return the peak resident memory of this process in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MIB


def _device_peak() -> float | None:
    import tensorflow as tf

    if not tf.config.list_logical_devices("GPU"):
        return None
    return round(tf.config.experimental.get_memory_info("GPU:0")["peak"] / _MIB, 1)


if __name__ == "__main__":
    run(main, usage=__doc__)
