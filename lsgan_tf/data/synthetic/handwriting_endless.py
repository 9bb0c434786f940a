"""Stand-in for HWDB that is drawn while it is read, with new images in each epoch.

An image is a function of seed, index and epoch, each by its own writer. All images of a class in an
epoch are drawn as a batch, which is four times as fast and makes them bit-identical whatever else
is read, since rounding depends on the batch.
"""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Sequence

import numpy as np
from PIL import Image

from lsgan_tf.data.hwdb.resize import square
from lsgan_tf.data.source import Source
from lsgan_tf.data.synthetic import handwriting as standin
from lsgan_tf.data.synthetic import pen, strokes
from lsgan_tf.data.synthetic.skeleton import Skeleton
from lsgan_tf.data.synthetic.style import Style
from lsgan_tf.util.text import counted

# Used in place of a character code, which is smaller, so that seeds differ from those of the stored
# stand-in (`standin.draw`).
_FRESH = 1 << 16

# Size of an epoch: 22 images of each of 3,755 classes. Two epochs are in memory.
_BYTES_PER_EPOCH = 1 << 26


class FreshStandin(Source):
    """Characters of GB2312 level 1, with at most 60 new images per class in each epoch.

    Args:
      classes: the characters in label order.
      image_size: height and width in pixels.
      keep_aspect: fit and centre on white instead of squashing to a square.
      seed: seed of the images, not negative.
      warnings: see `Source`.

    Raises:
      KeyError: if a character is unknown.
    """

    name = "hwdb"
    standin = True
    fresh = True

    def __init__(
        self,
        classes: Sequence[str],
        *,
        image_size: int = 28,
        keep_aspect: bool = False,
        seed: int = 0,
        warnings: Sequence[str] = (),
    ) -> None:
        self.classes, self.warnings = tuple(classes), tuple(warnings)
        self.shape = (image_size, image_size, 1)
        self._keep_aspect, self._seed = keep_aspect, seed
        fitting = _BYTES_PER_EPOCH // (len(self.classes) * image_size**2)
        self._per_class = max(1, min(fitting, standin.SAMPLES_PER_CLASS))
        for character in self.classes:
            strokes.load().medians(character)
        self._lock = threading.Lock()
        self._images = functools.lru_cache(maxsize=2 * len(self.classes))(self._draw)
        parts = (
            *(standin.VERSION, hashlib.sha256(strokes.packed_file()).hexdigest(), seed),
            *(image_size, keep_aspect, self._per_class, "".join(self.classes)),
        )
        self.fingerprint = hashlib.sha256(f"drawn anew {parts}".encode()).hexdigest()
        self.description = (
            f"stand-in for HWDB: {counted(len(self.classes), 'character')}, new images in every "
            f"epoch (seed {seed})"
        )

    def __len__(self) -> int:
        return len(self.classes) * self._per_class

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Return the images of the first epoch: uint8, `(n, S, S, 1)`, background 255."""
        return self.read_epochs(indices, np.zeros(len(indices), np.int64))

    def read_epochs(self, indices: np.ndarray, epochs: np.ndarray) -> np.ndarray:
        """See `Source`."""
        images = np.empty((len(indices), *self.shape), np.uint8)
        labels, rows = np.divmod(np.asarray(indices, np.int64), self._per_class)
        blocks = np.asarray(epochs, np.int64) * len(self.classes) + labels
        for block in np.unique(blocks):
            with self._lock:  # only one thread draws
                drawn = self._images(int(block))
            mask = blocks == block
            images[mask, :, :, 0] = drawn[rows[mask]]
        return images

    def labels(self, indices: np.ndarray) -> np.ndarray:
        """See `Source`; the images of a class are consecutive."""
        return (np.asarray(indices) // self._per_class).astype(np.int32)

    def _draw(self, block: int) -> np.ndarray:
        """Draw the images of a class in an epoch, `epoch * classes + label`: uint8, `(n, S, S)`."""
        character = self.classes[block % len(self.classes)]
        skeleton = Skeleton(strokes.load().medians(character), strokes.load().radical(character))
        first = block * self._per_class
        generators = [
            np.random.default_rng((self._seed, _FRESH, number))
            for number in range(first, first + self._per_class)
        ]
        bitmaps = pen.draw(skeleton, [Style.of(generator) for generator in generators], generators)
        size, keep_aspect = self.shape[0], self._keep_aspect
        squares = [square(Image.fromarray(b), size, keep_aspect=keep_aspect) for b in bitmaps]
        return np.stack([np.asarray(image) for image in squares])
