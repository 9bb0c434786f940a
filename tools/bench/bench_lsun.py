"""Benchmarks of `bench_data.py --kind=lsun`: preparing LSUN, and reading it for training."""

from __future__ import annotations

import io
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from lsgan_tf.data.images import decode, prepare_shards
from lsgan_tf.data.images.shards import Preprocessing
from lsgan_tf.data.lsun import locations as lsun_places
from lsgan_tf.data.lsun.lmdb_records import LmdbRecords, open_lmdb
from lsgan_tf.data.lsun.source import open_source
from lsgan_tf.data.source import Source
from lsgan_tf.util import cpu

_CHUNK = 32  # images per task, as in the preparation
_SECONDS = 10.0  # maximum of a measurement of the input pipeline
_MOST = 20_000  # images in a measurement


def lsun(
    data_dir: Path, cache_dir: Path, *, image_size: int, batch_size: int, batches: int
) -> Iterator[str]:
    """Benchmark the preparation of an LMDB of LSUN, and both ways of reading.

    Args:
      data_dir: a folder of LSUN, `<category>_<split>_lmdb`.
      cache_dir: an empty working folder.
      image_size: height and width of the images in pixels.
      batch_size: images per batch.
      batches: maximum number of batches to read from the input pipeline.

    Yields:
      Lines of the report.
    """
    records = open_lmdb(data_dir, cache_dir=cache_dir)
    category = lsun_places.category_of(data_dir)
    cores = cpu.cores()
    yield f"{data_dir}: {len(records):,} images, {cores} processes"
    count = min(len(records), _MOST)
    plain, plain_busy = _timed(lambda: _decode_all(records, image_size, count, cores))
    yield (
        f"decoding and resizing alone: {count / plain:,.0f} images/s, "
        f"{1e3 * plain_busy / count:.2f} ms of one core each"
    )
    made = Preprocessing(image_size, False, decode.RESIZE, "jpeg", 95)
    out = cache_dir / "prepared"
    seconds, busy = _timed(
        lambda: prepare_shards.prepare(
            records, out, category=category, split="train", preprocessing=made, workers=cores
        )
    )
    speed = len(records) / seconds
    yield (
        f"preparing: {speed:,.0f} images/s, {1e3 * busy / len(records):.2f} ms of one core each: "
        f"{speed * plain / count:.2f} of the former"
    )
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    here, child = (resource.getrusage(each).ru_maxrss * unit / (1 << 20) for each in who)
    yield f"peak memory: {here:.0f} MiB here, {child:.0f} MiB in the largest child"
    for folder, how in ((data_dir, "the LMDB"), (out, "prepared shards")):
        source = open_source(folder, category=category, image_size=image_size, cache_dir=cache_dir)
        yield f"training from {how}: {_pipeline(source, batch_size, batches):,.0f} images/s"


def _pipeline(source: Source, batch_size: int, most: int) -> float:
    """Return images per second of the input pipeline without training."""
    from lsgan_tf.util.tensorflow_setup import import_tensorflow

    import_tensorflow()  # not earlier, as it slows the start of processes
    from lsgan_tf.data.pipeline import Batches

    order = Batches(source, batch_size=batch_size, draws=1, seed=0)
    iterator = iter(order.dataset(0, replicas=1, first_replica=0, local_replicas=1))
    next(iterator)  # starts the threads
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < _SECONDS and count < most:
        next(iterator)
        count += 1
    return count * batch_size / (time.perf_counter() - start)


def _decode_all(records: LmdbRecords, size: int, count: int, processes: int) -> None:
    spans = [(records, size, at, min(at + _CHUNK, count)) for at in range(0, count, _CHUNK)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        done = sum(pool.imap(_decode_span, spans))
    assert done == count


def _decode_span(span: tuple[LmdbRecords, int, int, int]) -> int:
    records, size, start, stop = span
    for index in range(start, stop):
        image = Image.open(io.BytesIO(records.content(index))).convert("RGB")
        np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))
    return stop - start


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return wall seconds and CPU seconds of this process and its children."""
    clock, before = time.perf_counter(), os.times()
    work()
    after = os.times()
    return time.perf_counter() - clock, sum(after[:4]) - sum(before[:4])
