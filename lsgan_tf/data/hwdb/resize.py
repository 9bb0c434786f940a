"""Bitmaps of any size to squares of one size, on all cores.

Threads are no help: one bitmap takes some 40 microseconds, too little to hand the interpreter's
lock back and forth. So child processes run this module; it imports little, to start quickly.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from lsgan_tf.util import cpu
from lsgan_tf.util.files import explained, open_regular
from lsgan_tf.util.process_pool import map_jobs

BACKGROUND = 255

# A process starts in the time it takes to squash so many bytes of bitmaps.
_WORTH_A_PROCESS = 8 << 20
# One share is so many pictures at most, and so many bytes of them.
_SHARE_PICTURES = 1024
_SHARE_BYTES = 4 << 20

RECORD = struct.Struct("<iqHH")
"""One bitmap to squash: number of its file, offset of its first pixel, width, height."""


@dataclass(frozen=True)
class ResizeJob:
    """What all shares of one preparation have in common.

    Attributes:
      files: the files that hold the bitmaps, by number.
      records: a file of `RECORD`, one for each picture to make, in order.
      images: the file to write the pictures to, uint8, one after another.
      size: side of a picture in pixels.
      keep_aspect: whether to fit and centre on white rather than to squash.
    """

    files: tuple[str, ...]
    records: str
    images: str
    size: int
    keep_aspect: bool


def square(image: Image.Image, size: int, *, keep_aspect: bool = False) -> Image.Image:
    """A grey picture as a square, by antialiased bilinear resampling.

    This is what the authors' `scipy.misc.imresize` did. White stays 255.

    Args:
      image: of mode "L", background 255.
      size: side of the square, in pixels.
      keep_aspect: fit the longer side and centre the picture on white, instead of bringing both
        sides to `size`.
    """
    if not keep_aspect:
        return image.resize((size, size), Image.Resampling.BILINEAR)
    scale = size / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    fitted = image.resize((width, height), Image.Resampling.BILINEAR)
    canvas = Image.new("L", (size, size), BACKGROUND)
    canvas.paste(fitted, ((size - width) // 2, (size - height) // 2))
    return canvas


def squash_all(plan: ResizeJob, count: int, source_bytes: int) -> Iterator[int]:
    """Makes all pictures of a plan.

    Args:
      plan: what to do.
      count: number of records in it.
      source_bytes: size of the bitmaps, to judge whether processes are worth starting.

    Yields:
      How many pictures each finished share had.

    Raises:
      UserError: if a file cannot be read, the pictures cannot be written, or a process ended
        unasked.
    """
    step = max(1, min(_SHARE_PICTURES, _SHARE_BYTES // plan.size**2))
    shares = [(first, min(first + step, count)) for first in range(0, count, step)]
    processes = min(cpu.cores(), len(shares), source_bytes // _WORTH_A_PROCESS)
    if processes < 2 or not sys.executable:
        yield from map(_worker(plan), shares)
        return
    counts = map_jobs(_worker, plan, shares, workers=processes, doing="preparing characters")
    with contextlib.closing(counts):
        yield from counts


def squash_share(plan: ResizeJob, first: int, last: int) -> None:
    """Makes the pictures of records `first` to `last` (exclusive) and writes them in place.

    Raises:
      OSError: if a file cannot be read or the pictures cannot be written.
    """
    with open(plan.records, "rb") as stream:
        stream.seek(first * RECORD.size)
        records = stream.read((last - first) * RECORD.size)
    strip = Image.new("L", (plan.size, plan.size * (last - first)))
    row = 0
    for number, group in itertools.groupby(RECORD.iter_unpack(records), lambda record: record[0]):
        with open_regular(Path(plan.files[number])) as stream:
            for _, offset, width, height in group:
                pixels = _read(stream, offset, width * height)
                image = Image.frombuffer("L", (width, height), pixels, "raw", "L", 0, 1)
                strip.paste(square(image, plan.size, keep_aspect=plan.keep_aspect), (0, row))
                row += plan.size
    with open(plan.images, "r+b") as stream:
        stream.seek(first * plan.size**2)
        stream.write(strip.tobytes())


def _read(stream: BinaryIO, offset: int, count: int) -> bytes:
    # Not a map: that would count as memory of this process, and a file cut short would kill it.
    pixels = os.pread(stream.fileno(), count, offset)
    if len(pixels) != count:
        raise OSError(errno.EIO, f"{stream.name} changed since it was looked through")
    return pixels


def _worker(plan: ResizeJob) -> Callable[[tuple[int, int]], int]:
    """Make the function that processes a range of records and returns their number."""

    def work(share: tuple[int, int]) -> int:
        # The pictures lie in a temporary folder, whose name would say nothing to a user.
        with explained(Path(plan.images).parent.parent, "preparing the characters"):
            squash_share(plan, *share)
        return share[1] - share[0]

    return work
