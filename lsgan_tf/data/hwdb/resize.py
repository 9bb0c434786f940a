"""Resizes bitmaps to squares on all cores.

Processes are used because a bitmap takes about 40 microseconds, too little for threads that compete
for the interpreter lock. This module imports little, so that processes start quickly.
"""

from __future__ import annotations

import errno
import itertools
import os
import struct
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from lsgan_tf.util import cpu
from lsgan_tf.util.files import explained
from lsgan_tf.util.process_pool import map_jobs
from lsgan_tf.util.reading import open_regular

BACKGROUND = 255

# Minimum size of the bitmaps per process.
_WORTH_A_PROCESS = 8 << 20
# Maximum number and size of images per chunk.
_CHUNK_IMAGES = 1024
_CHUNK_BYTES = 4 << 20

RECORD = struct.Struct("<iqHH")
"""A bitmap: index of its file, offset of its first pixel, width, height."""


@dataclass(frozen=True)
class ResizeJob:
    """Bitmaps to resize and where to write them.

    Attributes:
      files: the files of the bitmaps.
      records: a file of `RECORD`, one per image, in order.
      images: the output file, uint8.
      size: height and width in pixels.
      keep_aspect: fit and centre on white instead of squashing.
    """

    files: tuple[str, ...]
    records: str
    images: str
    size: int
    keep_aspect: bool


def square(image: Image.Image, size: int, *, keep_aspect: bool = False) -> Image.Image:
    """Resize a greyscale image to a square by antialiased bilinear resampling.

    Equivalent to the authors' `scipy.misc.imresize`. White stays 255.

    Args:
      image: an image of mode "L", background 255.
      size: height and width in pixels.
      keep_aspect: fit the longer side and centre on white instead of squashing.
    """
    if not keep_aspect:
        return image.resize((size, size), Image.Resampling.BILINEAR)
    scale = size / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    fitted = image.resize((width, height), Image.Resampling.BILINEAR)
    canvas = Image.new("L", (size, size), BACKGROUND)
    canvas.paste(fitted, ((size - width) // 2, (size - height) // 2))
    return canvas


def squash_all(plan: ResizeJob, count: int, source_bytes: int) -> Generator[int, None, None]:
    """Resize all bitmaps of a job.

    Args:
      plan: the job.
      count: number of records.
      source_bytes: size of the bitmaps, which determines the number of processes.

    Returns:
      A generator of the number of images of each finished chunk.

    Raises:
      UserError: if a file cannot be read, the images cannot be written, or a process dies.
    """
    step = max(1, min(_CHUNK_IMAGES, _CHUNK_BYTES // plan.size**2))
    chunks = [(first, min(first + step, count)) for first in range(0, count, step)]
    processes = min(cpu.cores(), len(chunks), source_bytes // _WORTH_A_PROCESS)
    return map_jobs(_worker, plan, chunks, workers=processes, doing="preparing characters")


def squash_chunk(plan: ResizeJob, first: int, last: int) -> None:
    """Resize the bitmaps of records `first` to `last` (exclusive) and write them in place.

    Raises:
      OSError: if a file cannot be read or the images cannot be written.
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
    # Not a memory map, since a truncated file would kill the process.
    pixels = os.pread(stream.fileno(), count, offset)
    if len(pixels) != count:
        raise OSError(errno.EIO, f"{stream.name} changed after it was scanned")
    return pixels


def _worker(plan: ResizeJob) -> Callable[[tuple[int, int]], int]:
    """Return a function that resizes a range of records and returns their number."""

    def work(chunk: tuple[int, int]) -> int:
        # Errors name the final folder instead of the temporary one.
        with explained(Path(plan.images).parent.parent, "preparing the characters"):
            squash_chunk(plan, *chunk)
        return chunk[1] - chunk[0]

    return work
