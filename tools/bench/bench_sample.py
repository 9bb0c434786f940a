"""Benchmark drawing from an exported generator, relative to the generator's forward pass.

    python tools/bench/bench_sample.py --saved_model=runs/first/export

For each batch size, the signature `sample` (noise, labels, generator, pixels, NumPy) and the
signature `serving_default` on prepared noise are measured alternately; the result is the fraction
of the forward pass's rate at the fastest batch size. Streaming, as by `lsgan_tf.sample`, is
measured with its own batch size.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from lsgan_tf.cli.app import run
from lsgan_tf.cli.flags import PATH
from lsgan_tf.errors import UserError
from lsgan_tf.util.tensorflow_setup import import_tensorflow

if TYPE_CHECKING:
    import numpy as np

    from lsgan_tf.sampling.sampler import Sampler

_MODEL = flags.DEFINE(PATH, "saved_model", None, "folder of the SavedModel, <run>/export")
_SIZES = flags.DEFINE_list("batch_sizes", ["16", "64", "256", "1024"], "batch sizes to try")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "number of measurements of each", lower_bound=1)
_SECONDS = flags.DEFINE_float("seconds", 1.0, "approximate duration of a measurement", 0.0)
_JSON = flags.DEFINE(PATH, "json", None, "file for the measurements")


def main(argv: list[str]) -> None:
    if len(argv) > 1 or not _MODEL.value:
        raise UserError("expected --saved_model=FOLDER and flags only; see --help")
    sizes = [int(size) for size in _SIZES.value if size.isdigit() and int(size)]
    if len(sizes) != len(_SIZES.value):
        raise UserError(f"--batch_sizes={','.join(_SIZES.value)}: expected whole numbers above 0")
    import bench_machine

    machine = bench_machine.describe()
    print(bench_machine.in_words(machine), flush=True)
    import_tensorflow()
    from lsgan_tf.sampling.sampler import Sampler

    sampler = Sampler(_MODEL.value)
    forward = _forward(_MODEL.value)
    rows = [_measure(sampler, forward, size) for size in sizes]
    for row in rows:
        print(
            f"batch {row['batch_size']:5}: {row['sample']:10,.1f} images/s, forward alone "
            f"{row['forward']:10,.1f}, fraction {row['share']:.3f}",
            flush=True,
        )
    best = max(rows, key=lambda row: row["sample"])
    count = max(sampler.chunk, round(best["sample"] * _SECONDS.value))
    start = time.perf_counter()
    for _ in sampler.stream(count, seed=0):
        pass
    streamed = count / (time.perf_counter() - start)
    print(
        f"chosen: batch {best['batch_size']}, {best['sample']:,.1f} images/s, "
        f"{best['share']:.3f} of the forward pass alone; streaming batches of {sampler.chunk}: "
        f"{streamed:,.1f} images/s"
    )
    if _JSON.value:
        measured = {"rows": rows, "chosen": best, "stream": streamed, "chunk": sampler.chunk}
        bench_machine.write(_JSON.value, machine, measured)


def _forward(path: Path) -> Callable[[int, np.ndarray | None], Callable[[], object]]:
    """Make the generator's forward pass on prepared noise, by batch size and labels."""
    import tensorflow as tf

    from lsgan_tf.util.tensorflow_paths import literal

    with literal(path) as folder:
        signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    z_dim = signature.structured_input_signature[1]["z"].shape[1]

    def on_noise(size: int, labels: np.ndarray | None) -> Callable[[], object]:
        arguments = {"z": tf.random.uniform((size, z_dim), -1.0, 1.0)}
        if labels is not None:
            arguments["label"] = tf.constant(labels, tf.int32)
        # A value is read back to wait for a GPU.
        return lambda: tf.reshape(signature(**arguments)["images"], (-1,))[0].numpy()

    return on_noise


def _measure(
    sampler: Sampler,
    forward: Callable[[int, np.ndarray | None], Callable[[], object]],
    size: int,
) -> dict[str, Any]:
    """Measure images per second of both alternately at a batch size."""
    import numpy as np

    labels = None
    if sampler.conditional:
        labels = np.arange(size, dtype=np.int32) % len(sampler.classes)
    functions = {
        "sample": lambda: sampler.sample(size, 0, labels),
        "forward": forward(size, labels),
    }
    rates: dict[str, list[float]] = {name: [] for name in functions}
    for function in functions.values():
        function()  # traces and allocates
    for _ in range(_ROUNDS.value):
        for name, function in functions.items():
            rates[name].append(size * _rate(function))
    found = {name: statistics.median(values) for name, values in rates.items()}
    # The fraction is taken within each round, so that other load cancels.
    pairs = zip(rates["sample"], rates["forward"], strict=True)
    fraction = statistics.median(mine / limit for mine, limit in pairs)
    return {"batch_size": size, **found, "share": fraction, "rounds": rates}


def _rate(function: Callable[[], object]) -> float:
    """Return calls per second."""
    start, calls = time.perf_counter(), 0
    while not calls or time.perf_counter() - start < _SECONDS.value:
        function()
        calls += 1
    return calls / (time.perf_counter() - start)


if __name__ == "__main__":
    run(main, usage=__doc__)
