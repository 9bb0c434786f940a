"""The stand-in without end: characters that are drawn when they are read, no picture twice.

The picture at an index of an epoch is a function of the seed, the index and the epoch, each by a
writer of its own. All pictures of a class in an epoch are drawn at once, whichever is asked for:
that takes a quarter of the time, and makes them the same to the bit whatever else is read, for the
rounding of arithmetic differs with how many are drawn at once.
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

# In the place of a character's code, of which none is so large: no number of the pictures that
# are kept (`standin.draw`) is drawn here again.
_FRESH = 1 << 16

# An epoch has as many pictures as fit, which is 22 of each of 3,755 classes. Two are in memory.
_BYTES_PER_EPOCH = 1 << 26


class FreshStandin(Source):
    """Characters of GB2312 level 1, drawn anew in each epoch: of each class at most 60 pictures.

    Args:
      classes: the characters in the order of their labels.
      image_size: side of the pictures, in pixels.
      keep_aspect: fit and centre on white, instead of squashing to a square.
      seed: not negative; another one draws other pictures.
      notices: lines a user should read at start.

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
        notices: Sequence[str] = (),
    ) -> None:
        self.classes, self.notices = tuple(classes), tuple(notices)
        self.shape = (image_size, image_size, 1)
        self._keep_aspect, self._seed = keep_aspect, seed
        fitting = _BYTES_PER_EPOCH // (len(self.classes) * image_size**2)
        self._per_class = max(1, min(fitting, standin.SAMPLES_PER_CLASS))
        for character in self.classes:
            strokes.load().medians(character)
        self._lock = threading.Lock()
        self._pictures = functools.lru_cache(maxsize=2 * len(self.classes))(self._draw)
        facts = (standin.VERSION, hashlib.sha256(strokes.packed_file()).hexdigest(), seed)
        facts += (image_size, keep_aspect, self._per_class, "".join(self.classes))
        self.fingerprint = hashlib.sha256(f"drawn anew {facts}".encode()).hexdigest()
        self.description = (
            f"stand-in for HWDB: {len(self.classes):,} characters, each picture drawn anew while "
            f"training and never the same twice (seed {seed})"
        )

    def __len__(self) -> int:
        return len(self.classes) * self._per_class

    def read(self, indices: np.ndarray) -> np.ndarray:
        """The pictures of the first epoch: uint8, `(n, S, S, 1)`, background 255."""
        return self.read_epochs(indices, np.zeros(len(indices), np.int64))

    def read_epochs(self, indices: np.ndarray, epochs: np.ndarray) -> np.ndarray:
        """See `Source`."""
        pictures = np.empty((len(indices), *self.shape), np.uint8)
        labels, rows = np.divmod(np.asarray(indices, np.int64), self._per_class)
        blocks = np.asarray(epochs, np.int64) * len(self.classes) + labels
        for block in np.unique(blocks):
            with self._lock:  # one thread draws, the others wait for it
                drawn = self._pictures(int(block))
            mask = blocks == block
            pictures[mask, :, :, 0] = drawn[rows[mask]]
        return pictures

    def labels(self, indices: np.ndarray) -> np.ndarray:
        """See `Source`; the pictures of a class lie together."""
        return (np.asarray(indices) // self._per_class).astype(np.int32)

    def _draw(self, block: int) -> np.ndarray:
        """The pictures of a class in an epoch, `epoch * classes + label`: uint8, `(n, S, S)`."""
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
        return np.stack([np.asarray(picture) for picture in squares])
