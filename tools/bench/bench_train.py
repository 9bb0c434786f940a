"""Benchmark the training step, alone or alternately with the same step in PyTorch.

    python tools/bench/bench_train.py
    python tools/bench/bench_train.py --peer=torch --nets=hwdb,cifar10 --json=bench.json

The step is that of training: several steps per call, the input pipeline, the metrics and the check
for non-finite values. Floating-point operations are counted by layer (lsgan_tf/networks/flops.py)
and compared with the machine's peak, the better of a large matrix product and a large convolution
in the same process and precision, measured in each round.
--peer=torch (pip install lsgan_tf[bench]) adds the same networks, losses, optimiser and order of
updates in PyTorch, eager and compiled, channels-last, with autocast for bfloat16. The contestants
run alternately, in separate processes. Wall times are valid on an idle machine only; CPU seconds
tolerate some other load.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
from typing import TYPE_CHECKING

import bench_flags
from absl import flags

from lsgan_tf.cli.app import flags_only, refuse_given, run
from lsgan_tf.errors import UserError

if TYPE_CHECKING:
    from bench_turns import Contestant

_NETS = flags.DEFINE_list("nets", list(bench_flags.NETS), f"some of {', '.join(bench_flags.NETS)}")
_PRECISIONS = flags.DEFINE_list(
    "precisions",
    None,
    "float32, bfloat16, or both (default: both, but only float32 on a processor without "
    "instructions for bfloat16)",
)
_PEER = flags.DEFINE_enum(
    "peer",
    "none",
    ["none", "torch", "direct"],
    "PyTorch, or this package with --convolution=direct, for comparison",
)
_MODES = flags.DEFINE_list("torch_modes", ["eager", "compile"], "eager, compile, or both")
_DEVICES = flags.DEFINE_string("devices", "auto", "as of lsgan_tf.main; PyTorch uses the first")
_BATCH = bench_flags.batch_size()
_ROUNDS = bench_flags.rounds()
_SECONDS = bench_flags.seconds()
_JSON = bench_flags.json_file()
_SMALL = bench_flags.small()


def main(argv: list[str]) -> None:
    flags_only(argv)
    import bench_machine
    import bench_tables
    import bench_turns

    _check()
    machine = bench_machine.describe()
    print(bench_machine.in_words(machine), flush=True)
    precisions = _PRECISIONS.value or ["float32"]
    if not _PRECISIONS.value:
        if bench_machine.has_bfloat16():
            precisions = ["float32", "bfloat16"]
        else:
            print("float32 only: this processor has no instructions for bfloat16", flush=True)
    groups = []
    for net in _NETS.value:
        for precision in precisions:
            title = f"{net} {precision}"
            results = bench_turns.take_turns(
                _contestants(net, precision),
                rounds=_ROUNDS.value,
                seconds=_SECONDS.value,
                log=functools.partial(_log, title),
            )
            print("\n" + bench_tables.of_training(title, results), flush=True)
            groups.append(
                {"net": net, "precision": precision, "results": bench_tables.plain(results)}
            )
            if _JSON.value:  # after each group, so that an interruption loses little
                bench_machine.write(_JSON.value, machine, groups)


def _log(title: str, line: str) -> None:
    print(f"{title}: {line}", file=sys.stderr, flush=True)


def _check() -> None:
    for name, values, known in (
        ("nets", _NETS.value, bench_flags.NETS),
        ("precisions", _PRECISIONS.value or [], bench_flags.PRECISIONS),
        ("torch_modes", _MODES.value, ("eager", "compile")),
    ):
        for value in values:
            if value not in known:
                raise UserError(f"--{name}={value}: expected some of {', '.join(known)}")
    if _PEER.value != "torch":
        refuse_given(["torch_modes"], "only for --peer=torch; give that too, or omit it")
    if _PEER.value == "torch" and not importlib.util.find_spec("torch"):
        raise UserError("--peer=torch: PyTorch is not installed; pip install lsgan_tf[bench]")


def _contestants(net: str, precision: str) -> list[Contestant]:
    from bench_turns import Contestant

    common = {
        "net": net,
        "precision": precision,
        "batch_size": _BATCH.value,
        "small": _SMALL.value,
    }
    found = [Contestant("lsgan_tf", "bench_ours", common | {"devices": _DEVICES.value})]
    if _PEER.value == "direct":
        settings = common | {"devices": _DEVICES.value, "convolution": "direct"}
        found.append(Contestant("direct", "bench_ours", settings))
    if _PEER.value == "torch":
        for mode in _MODES.value:
            settings = common | {"compiled": mode == "compile"}
            found.append(Contestant(f"torch {mode}", "bench_torch", settings))
    return found


if __name__ == "__main__":
    run(main, usage=__doc__)
