"""The TPAMI paper's digits of small variability: ten glyphs, shifted and optionally rotated."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from lsgan_tf.data.source import Source
from lsgan_tf.data.synthetic import digit_glyphs
from lsgan_tf.errors import UserError

SIDE = 28
PER_CLASS = 1000
# Angles per class. With shifts, a class has about as many distinct images as the authors' rotated
# digits (490 to 501).
_ANGLES = 50
_KEYS = {"train": 0x5EC0E1, "test": 0x7E57}


class Digits(Source):
    """Ten classes of 1,000 greyscale images of 28x28, light on black.

    A digit fills all rows and is at a random column. It is rotated anticlockwise by a random angle
    before it is resized. Images are a function of the arguments (and of Pillow's drawing).

    Args:
      rotation: maximum angle in degrees; 0 for shifts only.
      split: "train", or "test" for as many other images. With shifts only, both contain the same
        few images.

    Raises:
      UserError: if there is no such split.
    """

    name = "digits"
    shape = (SIDE, SIDE, 1)
    classes = tuple("0123456789")

    def __init__(self, rotation: float = 10.0, split: str = "train") -> None:
        if split not in _KEYS:
            raise UserError(f"the digits have the splits 'train' and 'test', received {split!r}")
        angles = np.linspace(0, rotation, _ANGLES) if rotation else np.zeros(1)
        self._labels = np.repeat(np.arange(10, dtype=np.int32), PER_CLASS)
        # Raw words, which are stable across NumPy versions.
        words = np.random.Philox(key=_KEYS[split]).random_raw(2 * len(self._labels))
        which, where = words.reshape(2, -1)
        self._images = np.zeros((len(self._labels), SIDE, SIDE), np.uint8)
        for digit in range(10):
            glyph = digit_glyphs.glyph(digit)
            rotated = [_rotated(glyph, float(angle)) for angle in angles]
            for row in np.flatnonzero(self._labels == digit):
                ink = rotated[int(which[row] % np.uint64(len(rotated)))]
                left = int(where[row] % np.uint64(SIDE + 1 - ink.shape[1]))
                self._images[row, :, left : left + ink.shape[1]] = ink
        how = f"shifted and turned by 0 to {rotation:g} degrees" if rotation else "shifted"
        self.description = f"digits in a serif drawn by lsgan_tf, {how}, {split} split"
        self.fingerprint = hashlib.sha256(self._images.tobytes()).hexdigest()

    def __len__(self) -> int:
        return len(self._images)

    def read(self, indices: np.ndarray) -> np.ndarray:
        """See `Source`."""
        return self._images[indices][..., None]

    def labels(self, indices: np.ndarray) -> np.ndarray:
        """See `Source`."""
        return self._labels[indices]


def open_source(data_dir: Path | None, *, rotation: float = 10.0, split: str = "train") -> Digits:
    """Draw the digits, which takes about two seconds.

    Args:
      data_dir: must be None.
      rotation: see `Digits`.
      split: see `Digits`.

    Raises:
      UserError: if `data_dir` is given, or there is no such split.
    """
    if data_dir is not None:
        raise UserError(f"--data_dir={data_dir}: the digits are drawn and need no folder; omit it")
    return Digits(rotation, split)


def _rotated(glyph: Image.Image, angle: float) -> np.ndarray:
    """Rotate a glyph anticlockwise and resize it to height 28: uint8, `(28, width)`."""
    image = glyph.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    image = image.crop(image.getbbox())
    width = min(max(round(image.width * SIDE / image.height), 1), SIDE)
    return np.asarray(image.resize((width, SIDE), Image.Resampling.BOX))
