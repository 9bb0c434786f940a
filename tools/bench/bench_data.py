"""Benchmark speed and memory of preparing and reading data.

    python tools/bench/bench_data.py --data_dir=FOLDER

With --kind=hwdb (the default): the preparation of .gnt files into a temporary cache folder, its
parts separately for reference, and the input pipeline of training alone. With --kind=lsun, on a
<category>_train_lmdb folder of LSUN: its preparation, plain decoding and resizing for reference,
and the input pipeline alone from the LMDB and from prepared shards.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from lsgan_tf.cli.flags import PATH

if TYPE_CHECKING:
    from lsgan_tf.data.hwdb.gnt_files import GntPart
    from lsgan_tf.data.source import Source

_DATA_DIR = flags.DEFINE(PATH, "data_dir", None, "folder of the data")
_CACHE_DIR = flags.DEFINE(
    PATH,
    "cache_dir",
    None,
    "parent folder of the cache (default: the system's temporary folder)",
)
_REPEAT = flags.DEFINE_integer("repeat", 3, "number of preparations", lower_bound=1)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 64, "images per batch", lower_bound=1)
_BATCHES = flags.DEFINE_integer("batches", 5000, "batches to read", lower_bound=1)
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", 28, "height and width of the images, pixels", lower_bound=4, upper_bound=1024
)

_MEGA = 1e6


def main(argv: list[str]) -> None:
    from lsgan_tf.cli.app import refuse_given
    from lsgan_tf.errors import UserError
    from lsgan_tf.util.files import explained

    if len(argv) > 1 or not _DATA_DIR.value:
        raise UserError("expected --data_dir=FOLDER and flags only; see --help")
    if _KIND.value != "hwdb":
        refuse_given(["repeat"], "only for --kind=hwdb; omit it")
    folder = Path(_CACHE_DIR.value or tempfile.gettempdir())
    with explained(folder, "making the cache"):
        folder.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(dir=folder)
    with scratch as cache:
        for line in KINDS[_KIND.value](_DATA_DIR.value, Path(cache)):
            print(line, flush=True)


def hwdb(data_dir: Path, cache_dir: Path) -> Iterator[str]:
    """Benchmark the preparation of HWDB's `.gnt` files, and reading the cache."""
    from lsgan_tf.data.hwdb import gnt_files
    from lsgan_tf.data.hwdb.source import open_source
    from lsgan_tf.util import cpu

    def prepare() -> None:
        with contextlib.redirect_stderr(io.StringIO()):
            open_source(data_dir, cache_dir=cache_dir, image_size=_IMAGE_SIZE.value, split="all")

    parts = gnt_files.find(data_dir)
    size = sum(part.size for part in parts)
    cores = cpu.cores()
    yield f"{data_dir}: {len(parts):,} files, {size / _MEGA:,.1f} MB, {cores} cores"
    # First, before anything else takes memory.
    before = _peaks()[0]
    for _ in range(_REPEAT.value):
        shutil.rmtree(cache_dir / "hwdb", ignore_errors=True)
        seconds, busy = _timed(prepare)
        # CPU time has a resolution of 10 ms, so it may be 0 for little data.
        core = f"{size / busy / _MEGA:.1f} MB/s per core" if busy else "too short to measure"
        yield (
            f"prepared at {size / seconds / _MEGA:6.1f} MB/s: {seconds:.2f} s, {busy:.2f} s of "
            f"CPU time over all processes ({core})"
        )
    here, child = _peaks()
    yield (
        f"peak memory: {here:.0f} MiB in this process ({before:.0f} before), "
        f"{child:.0f} MiB in the largest of its children"
    )
    seconds, _ = _timed(prepare)
    yield f"opened again in {seconds * 1e3:.1f} ms"
    yield from _reference(parts)
    source = open_source(
        data_dir, cache_dir=cache_dir, image_size=_IMAGE_SIZE.value, split="all", all_classes=True
    )
    yield from _pipeline(source)


def _reference(parts: Sequence[GntPart]) -> Iterator[str]:
    """Measure each part of the preparation in one process."""
    import numpy as np
    from PIL import Image

    from lsgan_tf.data.formats import gnt
    from lsgan_tf.data.hwdb import resize

    plain = [part.path for part in parts if part.member is None]
    if not plain:
        return
    path = max(plain, key=os.path.getsize)
    size = path.stat().st_size
    seconds, _ = _timed(lambda: hashlib.sha256(path.read_bytes()).hexdigest())
    yield f"  hashing: {size / seconds / _MEGA:,.0f} MB/s"
    seconds, _ = _timed(lambda: gnt.scan(path))
    count = len(gnt.scan(path))
    each = seconds / count * 1e6
    yield f"  finding the records: {size / seconds / _MEGA:,.0f} MB/s, {each:.1f} us each"
    with gnt.GntFile(path) as file:
        some = [file.bitmap(i) for i in range(min(count, 5000))]
    images = [Image.fromarray(np.ascontiguousarray(bitmap)) for bitmap in some]
    seconds, _ = _timed(lambda: [resize.square(image, _IMAGE_SIZE.value) for image in images])
    done = sum(bitmap.size for bitmap in some)
    each = seconds / len(some) * 1e6
    yield (
        f"  squashing: {done / seconds / _MEGA:,.0f} MB/s, {each:.1f} us each of "
        f"{done / len(some):,.0f} pixels on average"
    )


def _pipeline(source: Source) -> Iterator[str]:
    """Measure the input pipeline without training."""
    import numpy as np

    from lsgan_tf.util.tensorflow_setup import import_tensorflow

    import_tensorflow()
    from lsgan_tf.data import pipeline

    size, count = _BATCH_SIZE.value, _BATCHES.value
    random = np.random.default_rng(0)
    indices = random.integers(0, len(source), (count, size))
    seconds, _ = _timed(lambda: [source.read(row) for row in indices])
    yield f"read at random: {count / seconds:,.0f} batches of {size}/s"
    batches = pipeline.Batches(source, batch_size=size, draws=1, seed=0)
    dataset = batches.dataset(0, replicas=1, first_replica=0, local_replicas=1)
    iterator = iter(dataset)
    next(iterator)  # starts the threads
    seconds, _ = _timed(lambda: [next(iterator) for _ in range(count)])
    yield f"input pipeline alone: {count / seconds:,.0f} batches of {size}/s"


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return wall seconds and CPU seconds of this process and its children."""
    clock, before = time.perf_counter(), os.times()
    work()
    seconds, after = time.perf_counter() - clock, os.times()
    return seconds, sum(after[:4]) - sum(before[:4])


def _peaks() -> tuple[float, float]:
    """Return the peak memory of this process and of its largest child in MiB."""
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    here, child = (resource.getrusage(each).ru_maxrss * unit / (1 << 20) for each in who)
    return here, child


def lsun(data_dir: Path, cache_dir: Path) -> Iterator[str]:
    """Benchmark the preparation of an LMDB of LSUN, and reading the LMDB and the shards."""
    import bench_lsun

    size = 112 if flags.FLAGS["image_size"].using_default_value else _IMAGE_SIZE.value
    yield from bench_lsun.lsun(
        data_dir,
        cache_dir,
        image_size=size,
        batch_size=_BATCH_SIZE.value,
        batches=_BATCHES.value,
    )


# Functions of the data folder and a cache folder that yield lines of the report.
KINDS = {"hwdb": hwdb, "lsun": lsun}

_KIND = flags.DEFINE_enum("kind", "hwdb", list(KINDS), "kind of data")


if __name__ == "__main__":
    from lsgan_tf.cli.app import run

    run(main, usage=__doc__)
