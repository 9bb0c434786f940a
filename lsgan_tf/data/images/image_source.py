"""A `Source` of encoded images, which are decoded and resized when read."""

from __future__ import annotations

import functools
import hashlib
import io
import logging
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from lsgan_tf.data.images import decode
from lsgan_tf.data.images.image_files import ImageFiles
from lsgan_tf.data.images.records import Records, sampled
from lsgan_tf.data.images.shards import ShardRecords
from lsgan_tf.data.source import Source
from lsgan_tf.errors import UserError
from lsgan_tf.settings.fingerprints import versioned
from lsgan_tf.util.text import counted

# Maximum number of consecutive undecodable images.
_PATIENCE = 100
_NAMED = 20
_SAMPLED = 64


class ImageSource(Source):
    """Images of one size from `Records`.

    An undecodable image is replaced by the next decodable one with the same label, so reading is a
    pure function of the index and labels stay correct; it is reported in the log, in `damaged` and
    by `new_warnings`.

    Args:
      records: the encoded images.
      name: see `Source`.
      size: height and width in pixels.
      crop: centre crop instead of squashing; see `decode.to_size`.
      channels: 3 for RGB, 1 for greyscale.
      classes: see `Source`.
      labels: label of each record, int32, if there are classes.
      description: see `Source`.
      warnings: see `Source`.

    Attributes:
      damaged: names of undecodable images read so far, with the reasons.
    """

    def __init__(
        self,
        records: Records,
        *,
        name: str,
        size: int,
        crop: bool = False,
        channels: int = 3,
        classes: tuple[str, ...] = (),
        labels: np.ndarray | None = None,
        description: str = "",
        warnings: tuple[str, ...] = (),
    ) -> None:
        self.name, self.shape, self.classes = name, (size, size, channels), classes
        self.description, self.warnings = description, warnings
        self.damaged: dict[str, str] = {}
        self._reported = 0
        self._records, self._size, self._crop, self._channels = records, size, crop, channels
        self._labels, self._lock = labels, threading.Lock()
        parts = (self.shape, crop, decode.RESIZE, classes)
        self.fingerprint = _digest(records.fingerprint(), *parts)
        if (former := records.former_fingerprint()) is not None:
            self.fingerprint = versioned(self.fingerprint, _digest(former, *parts))

    def __len__(self) -> int:
        return len(self._records)

    def read(self, indices: np.ndarray) -> np.ndarray:
        """See `Source`.

        Raises:
          UserError: if 100 images in a row cannot be decoded.
        """
        batch = np.empty((len(indices), *self.shape), np.uint8)
        for row, index in enumerate(indices):
            batch[row] = self._image(int(index))
        return batch

    def labels(self, indices: np.ndarray) -> np.ndarray:
        """See `Source`."""
        return super().labels(indices) if self._labels is None else self._labels[indices]

    def new_warnings(self) -> list[str]:
        """See `Source`: reports replaced images."""
        with self._lock:
            damaged = list(self.damaged.items())
            new, self._reported = damaged[self._reported :], len(damaged)
        if not new:
            return []
        shown = [f"{name} ({reason})" for name, reason in new[:_NAMED]]
        more = f" and {len(new) - _NAMED:,} more" if len(new) > _NAMED else ""
        return [
            f"{counted(len(damaged), 'image')} so far cannot be decoded, replaced by the next "
            f"{self._next}: {', '.join(shown)}{more}"
        ]

    @property
    def _next(self) -> str:
        return "of the same class" if self._labels is not None else "one"

    def _image(self, index: int) -> np.ndarray:
        image = self._decoded(index)
        if image is None:
            image = self._replacement(index)
        return decode.to_size(image, self._size, crop=self._crop, channels=self._channels)

    def _decoded(self, index: int) -> Image.Image | None:
        try:
            return decode.decode(self._records.content(index))
        except decode.Undecodable as error:
            self._report(index, str(error))
            return None

    def _replacement(self, index: int) -> Image.Image:
        """Return the next decodable image with the same label, cyclically."""
        following: np.ndarray
        if self._labels is None:
            following = (np.arange(index + 1, index + min(_PATIENCE, len(self)))) % len(self)
        else:
            same = np.flatnonzero(self._labels == self._labels[index])
            following = np.roll(same, -1 - int(np.searchsorted(same, index)))[:-1][: _PATIENCE - 1]
        for other in following:
            image = self._decoded(int(other))
            if image is not None:
                return image
        of_class = ""
        if self.classes and self._labels is not None:
            of_class = f" in the class {self.classes[self._labels[index]]}"
        raise UserError(
            f"{self.description}: {self._records.name_of(index)} and all following ones{of_class} "
            "cannot be decoded; check the data with python -m lsgan_tf verify-data"
        )

    def _report(self, index: int, reason: str) -> None:
        name = self._records.name_of(index)
        with self._lock:
            if name in self.damaged:
                return
            self.damaged[name] = reason
            count = len(self.damaged)
        if count <= _NAMED:
            logging.getLogger(__name__).warning(
                "%s cannot be decoded (%s); the next %s is used instead", name, reason, self._next
            )


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def warnings_of(records: Records, size: int) -> tuple[str, ...]:
    """Return the warnings of records, and about images smaller than `size` pixels."""
    lines = list(records.warnings)
    if isinstance(records, ImageFiles):
        if few := records.smaller_than(size):
            lines.append(f"enlarging {counted(few, 'image')} smaller than {size} pixels")
        return tuple(lines)
    # Other kinds of records have no index of sizes.
    sides = [_short_side(records.content(index)) for index in sampled(records, _SAMPLED)]
    if few := sum(0 < side < size for side in sides):
        lines.append(f"enlarging images smaller than {size} pixels ({few} of {len(sides)} sampled)")
    return tuple(lines)


def _short_side(content: bytes) -> int:
    """Return the shorter side in pixels; 0 if undecodable."""
    try:
        return min(decode.open_image(io.BytesIO(content)).size)
    except decode.Undecodable:
        return 0


class PreparedImageSource(ImageSource):
    """Images of their final size, decoded in batches on all cores.

    TensorFlow, unlike Pillow, decodes in parallel threads, and gives bit-identical pixels.

    Args:
      records: prepared shards.
      name: see `Source`.
      description: see `Source`.
    """

    def __init__(self, records: ShardRecords, *, name: str, description: str) -> None:
        made = records.manifest.preprocessing
        smaller = records.manifest.smaller
        enlarged = f"enlarged {counted(smaller, 'image')} smaller than {made.image_size} pixels"
        super().__init__(
            records,
            name=name,
            size=made.image_size,
            crop=made.crop,
            description=description,
            warnings=(enlarged,) if smaller else (),
        )
        self._encoding = made.encoding

    def read(self, indices: np.ndarray) -> np.ndarray:
        """See `Source`."""
        contents = [self._records.content(int(index)) for index in indices]
        try:
            return _decoder(self._encoding, self._size)(contents).numpy()
        # TensorFlow does not report which image is damaged.
        except Exception:
            return super().read(indices)


@functools.cache
def _decoder(encoding: str, size: int) -> Callable[[list[bytes]], Any]:
    """Return a function that decodes n images to uint8, shape `(n, size, size, 3)`."""
    import tensorflow as tf

    def decode_one(content: Any) -> Any:
        if encoding == "jpeg":
            # The same transform as in Pillow.
            return tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")
        return tf.io.decode_png(content, channels=3)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def decode_all(contents: Any) -> Any:
        signature = tf.TensorSpec([size, size, 3], tf.uint8)
        return tf.map_fn(
            decode_one, contents, fn_output_signature=signature, parallel_iterations=64
        )

    def decode(contents: list[bytes]) -> Any:
        with tf.device("CPU:0"):
            return decode_all(tf.constant(contents, tf.string, shape=(len(contents),)))

    return decode
