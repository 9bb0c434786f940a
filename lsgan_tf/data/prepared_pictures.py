"""Reading prepared shards fast enough for a GPU."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from lsgan_tf.data.images.pictures import Pictures
from lsgan_tf.data.images.shards import ShardRecords


class PreparedPictures(Pictures):
    """Pictures of their final size, decoded a batch at a time on all cores.

    Pillow holds the interpreter's lock while it decodes, so threads would gain
    nothing; TensorFlow does not, and gives the same pixels to the bit.

    Args:
      records: prepared shards.
      name: see `Source`.
      description: see `Source`.
    """

    def __init__(self, records: ShardRecords, *, name: str, description: str) -> None:
        made = records.manifest.preprocessing
        smaller = records.manifest.smaller
        said = f"{smaller:,} pictures were smaller than {made.image_size} pixels and were enlarged"
        super().__init__(
            records,
            name=name,
            size=made.image_size,
            crop=made.crop,
            description=description,
            notices=(said,) if smaller else (),
        )
        self._encoding = made.encoding

    def read(self, indices: np.ndarray) -> np.ndarray:
        """See `Source`."""
        contents = [self._records.content(int(index)) for index in indices]
        try:
            return _decoder(self._encoding, self._size)(contents).numpy()
        # TensorFlow does not say which picture is damaged; the slow way does.
        except Exception:
            return super().read(indices)


@functools.cache
def _decoder(encoding: str, size: int) -> Callable[[list[bytes]], Any]:
    """A compiled function from n encoded pictures to uint8, shape `(n, size, size, 3)`."""
    import tensorflow as tf

    def decode_one(content: Any) -> Any:
        if encoding == "jpeg":
            # The accurate transform is Pillow's.
            return tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")
        return tf.io.decode_png(content, channels=3)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def decode_all(contents: Any) -> Any:
        picture = tf.TensorSpec([size, size, 3], tf.uint8)
        return tf.map_fn(decode_one, contents, fn_output_signature=picture, parallel_iterations=64)

    def decode(contents: list[bytes]) -> Any:
        with tf.device("CPU:0"):
            return decode_all(tf.constant(contents, tf.string, shape=(len(contents),)))

    return decode
