"""Decoding, resizing and encoding of images in several processes."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Callable, Generator

from PIL import Image

from lsgan_tf.data.images import decode
from lsgan_tf.data.images.records import Records
from lsgan_tf.data.images.shards import Preprocessing
from lsgan_tf.util.process_pool import map_jobs

_CHUNK = 32  # images per job


@dataclasses.dataclass(frozen=True)
class EncodedImage:
    """A prepared image.

    Attributes:
      content: the encoded image; None if it was skipped.
      name: name of a skipped image.
      reason: why it was skipped.
      mode: Pillow's mode before conversion.
      smaller: whether it was enlarged.
    """

    content: bytes | None
    name: str = ""
    reason: str = ""
    mode: str = ""
    smaller: bool = False


def encode_range(
    records: Records, preprocessing: Preprocessing, start: int, stop: int
) -> list[EncodedImage]:
    """Prepare the images `start` to `stop` - 1."""
    outcomes = []
    for index in range(start, stop):
        try:
            outcomes.append(_encode(records.content(index), preprocessing))
        except decode.Undecodable as error:
            outcomes.append(EncodedImage(None, records.name_of(index), str(error)))
    return outcomes


def encode_all(
    records: Records, preprocessing: Preprocessing, spans: list[tuple[int, int]], workers: int
) -> Generator[EncodedImage, None, None]:
    """Prepare the images of several ranges.

    Args:
      records: the images; each worker opens them itself.
      preprocessing: the preprocessing.
      spans: `(start, stop)` of each range, in order.
      workers: number of processes; 1 for this process.

    Yields:
      The prepared images, in order.

    Raises:
      UserError: if a worker dies.
    """
    chunks = (
        (first, min(first + _CHUNK, stop))
        for start, stop in spans
        for first in range(start, stop, _CHUNK)
    )
    results = map_jobs(
        _encoder,
        (records, preprocessing),
        chunks,
        workers=workers,
        doing="encoding images",
        remedy="run the same command again with a smaller --workers (finished shards are kept)",
    )
    with contextlib.closing(results):
        for images in results:
            yield from images


def _encoder(
    common: tuple[Records, Preprocessing],
) -> Callable[[tuple[int, int]], list[EncodedImage]]:
    """Return a function that prepares a range of images."""
    return lambda chunk: encode_range(*common, *chunk)


def _encode(content: bytes, preprocessing: Preprocessing) -> EncodedImage:
    opened = decode.open_image(io.BytesIO(content))
    mode, smaller = opened.mode, min(opened.size) < preprocessing.image_size
    pixels = decode.to_size(
        decode.pixels(opened), preprocessing.image_size, crop=preprocessing.crop
    )
    sink = io.BytesIO()
    if preprocessing.encoding == "jpeg":
        # Without chroma subsampling, which would be visible at these sizes.
        Image.fromarray(pixels).save(sink, "JPEG", quality=preprocessing.quality, subsampling=0)
    else:
        Image.fromarray(pixels).save(sink, "PNG")
    return EncodedImage(sink.getvalue(), mode=mode, smaller=smaller)
