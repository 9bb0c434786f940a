"""Decoding, resizing and encoding pictures in several processes, results in order."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import io
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import FrameType

from PIL import Image

from lsgan_tf.data.images import decode
from lsgan_tf.data.images.records import Records
from lsgan_tf.data.images.shards import Preprocessing
from lsgan_tf.errors import UserError

_CHUNK = 32  # Pictures per task.
_AHEAD = 4  # Tasks per worker in flight; more would only take memory.


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one picture.

    Attributes:
      content: the encoded picture, None if it was skipped.
      name: its name, for skipped pictures.
      reason: why it was skipped.
      mode: Pillow's name of its colours before conversion.
      smaller: whether it had to be enlarged.
    """

    content: bytes | None
    name: str = ""
    reason: str = ""
    mode: str = ""
    smaller: bool = False


def encode_range(
    records: Records, preprocessing: Preprocessing, start: int, stop: int
) -> list[Outcome]:
    """Prepares the pictures `start` to `stop` - 1."""
    outcomes = []
    for index in range(start, stop):
        try:
            outcomes.append(_encode(records.content(index), preprocessing))
        except decode.Undecodable as error:
            outcomes.append(Outcome(None, records.name_of(index), str(error)))
    return outcomes


@contextlib.contextmanager
def encode_all(
    records: Records, preprocessing: Preprocessing, spans: list[tuple[int, int]], workers: int
) -> Iterator[Iterator[Outcome]]:
    """Prepares the pictures of some spans.

    Args:
      records: the pictures; each worker opens them for itself.
      preprocessing: what to do with them.
      spans: pairs of first and last-plus-one, in order.
      workers: processes; with 1 the work is done here.

    Yields:
      An iterator over the outcomes, in order. Only a few are held at a time.

    Raises:
      UserError: if a worker dies.
    """
    chunks = (
        (first, min(first + _CHUNK, stop))
        for start, stop in spans
        for first in range(start, stop, _CHUNK)
    )
    if workers == 1:
        work = functools.partial(encode_range, records, preprocessing)
        yield (outcome for chunk in chunks for outcome in work(*chunk))
        return
    # A fresh interpreter for each worker: forking after TensorFlow has started its
    # threads may lock up.
    try:
        pool = ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start_worker,
            initargs=(records, preprocessing),
        )
    except (OSError, NotImplementedError) as error:
        # Where /dev/shm cannot be written there are no locks between processes.
        reason = getattr(error, "strerror", None) or error
        print(
            f"note: this system lets no processes work together ({reason}); one does it all",
            file=sys.stderr,
            flush=True,
        )
        with encode_all(records, preprocessing, spans, 1) as outcomes:
            yield outcomes
        return
    try:
        yield _in_order(pool, chunks, _AHEAD * workers)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor, chunks: Iterator[tuple[int, int]], ahead: int
) -> Iterator[Outcome]:
    waiting: collections.deque[Future[list[Outcome]]] = collections.deque()
    try:
        for chunk in chunks:
            with _interrupts_held():
                waiting.append(pool.submit(_work, *chunk))
            if len(waiting) >= ahead:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    except BrokenProcessPool as error:
        raise UserError(
            "a worker process died, perhaps for want of memory; run the same command again with a "
            "smaller --workers (finished shards are kept)"
        ) from error


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Holds Ctrl-C back while workers may start: they inherit this and keep it.

    Ctrl-C goes to the whole group, but the parent alone decides what it means, and when: a worker
    that is starting would print a traceback, for itself or for a parent that stops before it has
    told it what to do.
    """
    received: list[FrameType | None] = []
    former = signal.getsignal(signal.SIGINT)
    # The signal may reach another thread than the one that holds it, and then stop this one.
    noting = callable(former) and threading.current_thread() is threading.main_thread()
    if noting:
        signal.signal(signal.SIGINT, lambda _, frame: received.append(frame))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if noting:
            signal.signal(signal.SIGINT, former)
        if received:
            former(signal.SIGINT, received[0])


_encode_in_worker: Callable[[int, int], list[Outcome]] | None = None  # Set in workers alone.


def _start_worker(records: Records, preprocessing: Preprocessing) -> None:
    global _encode_in_worker
    warnings.filterwarnings("ignore", module=r"PIL(\.|$)")  # As `lsgan_tf.cli.app.run`.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _encode_in_worker = functools.partial(encode_range, records, preprocessing)


def _end_with_parent() -> None:
    """Ends this process when its parent is killed: it would wait for tasks for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # This is a worker.
    parent.join()
    os._exit(1)


def _work(start: int, stop: int) -> list[Outcome]:
    assert _encode_in_worker is not None
    return _encode_in_worker(start, stop)


def _encode(content: bytes, preprocessing: Preprocessing) -> Outcome:
    opened = decode.open_picture(io.BytesIO(content))
    mode, smaller = opened.mode, min(opened.size) < preprocessing.image_size
    pixels = decode.to_size(
        decode.pixels(opened), preprocessing.image_size, crop=preprocessing.crop
    )
    sink = io.BytesIO()
    if preprocessing.encoding == "jpeg":
        # Full colour resolution: at these sizes halving it would show.
        Image.fromarray(pixels).save(sink, "JPEG", quality=preprocessing.quality, subsampling=0)
    else:
        Image.fromarray(pixels).save(sink, "PNG")
    return Outcome(sink.getvalue(), mode=mode, smaller=smaller)
