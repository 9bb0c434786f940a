"""Benchmark the training step on one device, several devices, and two workers, alternately.

    python tools/bench/bench_scaling.py --net=cifar10
    python tools/bench/bench_scaling.py --devices=gpu:1,gpu:2,gpu:4,gpu:8 --batch_size=512

The global batch, and hence the work, is the same for all. Several logical devices on one processor
cannot be faster than one; their additional time is the cost of synchronisation (splitting the
batch, normalisation over all replicas, summing gradients).
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

import bench_flags
from absl import flags

from lsgan_tf.cli.app import flags_only, run

if TYPE_CHECKING:
    from bench_turns import Contestant

_NET = bench_flags.net("cifar10")
_PRECISION = bench_flags.precision()
_DEVICES = flags.DEFINE_list(
    "devices", ["cpu:1", "cpu:2", "cpu:4"], "settings of --devices of lsgan_tf.main to compare"
)
_WORKERS = flags.DEFINE_integer(
    "workers", 2, "worker processes on this host, as a further row; below 2: none", lower_bound=0
)
_BATCH = bench_flags.batch_size(", over all devices")
_ROUNDS = bench_flags.rounds()
_SECONDS = bench_flags.seconds()
_JSON = bench_flags.json_file()
_SMALL = bench_flags.small()


def main(argv: list[str]) -> None:
    flags_only(argv)
    import bench_machine
    import bench_tables
    from bench_turns import take_turns

    machine = bench_machine.describe()
    print(bench_machine.in_words(machine), flush=True)
    results = take_turns(
        _contestants(),
        rounds=_ROUNDS.value,
        seconds=_SECONDS.value,
        log=functools.partial(print, file=sys.stderr, flush=True),
    )
    print(f"{_NET.value} {_PRECISION.value}, batch {_BATCH.value} over all devices")
    print(bench_tables.of_scaling(results))
    if _JSON.value:
        bench_machine.write(_JSON.value, machine, bench_tables.plain(results))


def _contestants() -> list[Contestant]:
    from bench_turns import Contestant, clusters

    common = {
        "net": _NET.value,
        "precision": _PRECISION.value,
        "batch_size": _BATCH.value,
        "small": _SMALL.value,
    }
    found = [
        Contestant(devices, "bench_ours", common | {"devices": devices})
        for devices in _DEVICES.value
    ]
    if _WORKERS.value > 1:
        kind = _DEVICES.value[0].partition(":")[0]
        settings = common | {"devices": kind}
        environments = clusters(_WORKERS.value)
        found.append(Contestant(f"{_WORKERS.value} workers", "bench_ours", settings, environments))
    return found


if __name__ == "__main__":
    run(main, usage=__doc__)
