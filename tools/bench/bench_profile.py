"""Profile a training step by kind of operation and by layer.

    python tools/bench/bench_profile.py --net=scene112 --batch_size=16

The step is that of training, under TensorFlow's profiler. Unless --noin_turn is given, operations
run one after another, each on all cores, so that their times are separate; a step is then somewhat
slower than in training, where operations may run concurrently.
"""

from __future__ import annotations

import collections
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import bench_flags
from absl import flags

from lsgan_tf.cli.app import flags_only, run
from lsgan_tf.errors import UserError

_NET = bench_flags.net("hwdb")
_PRECISION = bench_flags.precision()
_BATCH = bench_flags.batch_size()
_STEPS = flags.DEFINE_integer("steps", 3, "number of steps", lower_bound=1, upper_bound=100)
_TOP = flags.DEFINE_integer("top", 15, "rows of each table", lower_bound=1)
_IN_TURN = flags.DEFINE_boolean("in_turn", True, "one operation after another")
_JSON = bench_flags.json_file()
_SMALL = bench_flags.small()

# Operations that contain others, and those of the input pipeline's threads.
_CONTAINERS = re.compile(r".*(While|If|PartitionedCall|RemoteCall|PyFunc|Dataset.*|Iterator.*)")
_OPERATION = re.compile(r"(?P<name>[^:]+):(?P<kind>_*[A-Z]\w*)")
_LAYER = re.compile(r"(generator|discriminator)(?:_\d+)?/([a-z]+\d*(?:_bn)?)(?:_\d+)?/")


class Operation(NamedTuple):
    """A profiled operation.

    Attributes:
      name: name in the graph.
      kind: type of the operation.
      milliseconds: total wall time over all calls.
    """

    name: str
    kind: str
    milliseconds: float


def main(argv: list[str]) -> None:
    flags_only(argv)
    import bench_machine
    import bench_ours

    if _IN_TURN.value:
        os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    machine = bench_machine.describe()
    print(bench_machine.in_words(machine), flush=True)
    product = bench_ours.prepare(
        net=_NET.value,
        precision=_PRECISION.value,
        devices="auto",
        batch_size=_BATCH.value,
        small=_SMALL.value,
    )
    product.burst(_STEPS.value)
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            product.burst(_STEPS.value)
        found = list(operations(Path(folder)))
    if not found:
        raise UserError(
            "TensorFlow's profiler recorded no operations on the CPU; GPUs are not supported"
        )
    tables = {
        "kind of operation": _sums(found, lambda operation: operation.kind),
        "layer": _sums(found, lambda operation: layer_of(operation.name)),
    }
    for title, sums in tables.items():
        print("\n" + "\n".join(_lines(title, sums)), flush=True)
    if _JSON.value:
        bench_machine.write(_JSON.value, machine, {"steps": _STEPS.value, **tables})


def operations(folder: Path) -> Iterator[Operation]:
    """Read the traces in a folder, without operations that contain others."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    for path in folder.rglob("*.xplane.pb"):
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
        for plane in space.planes:
            if not plane.name.startswith("/host:CPU"):
                continue
            for line in plane.lines:
                for event in line.events:
                    label = plane.event_metadata[event.metadata_id].name
                    match = _OPERATION.fullmatch(label)
                    if match and not _CONTAINERS.fullmatch(match["kind"]):
                        yield Operation(match["name"], match["kind"], event.duration_ps / 1e9)


def layer_of(name: str) -> str:
    """Return the layer and pass (forward or backward) of an operation, by its name."""
    found = _LAYER.search(name)
    if not found:
        return "no layer in the name"
    direction = "backward" if "gradient_tape/" in name else "forward"
    return f"{found[1]} {found[2]}, {direction}"


def _sums(found: Iterable[Operation], key: Callable[[Operation], str]) -> dict[str, float]:
    """Return milliseconds per step by key, in descending order."""
    sums: collections.Counter[str] = collections.Counter()
    for operation in found:
        sums[key(operation)] += operation.milliseconds / _STEPS.value
    return dict(sums.most_common())


def _lines(title: str, sums: Mapping[str, float]) -> list[str]:
    whole = sum(sums.values())
    lines = [f"{'ms a step':>10}  {'part':>6}  {title} ({whole:,.1f} ms in all operations)"]
    rows = list(sums.items())
    for name, value in rows[: _TOP.value]:
        lines.append(f"{value:10,.1f}  {value / whole:6.1%}  {name}")
    if rest := rows[_TOP.value :]:
        value = sum(each for _, each in rest)
        lines.append(f"{value:10,.1f}  {value / whole:6.1%}  {len(rest)} others")
    return lines


if __name__ == "__main__":
    run(main, usage=__doc__)
