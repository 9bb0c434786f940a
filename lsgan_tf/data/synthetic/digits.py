"""The TPAMI paper's digits of small variability, drawn: ten glyphs, shifted, or turned as well."""

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
# A class has at most so many different angles: in the authors' turned pictures 490 to 501 of a
# class's 1,000 differ, and with so many angles times shifts it is about that here.
_ANGLES = 50
_KEYS = {"train": 0x5EC0E1, "test": 0x7E57}


class Digits(Source):
    """Ten classes of 1,000 grey pictures of 28x28, ink up to 255 on a ground of 0.

    A digit fills all rows. It stands at any column where it fits, and is turned anticlockwise by an
    angle of an even scale before it is brought to size. Pictures are a function of the arguments
    (and of Pillow's drawing), the same in every run.

    Args:
      rotation: largest angle in degrees; 0 for shifts alone.
      split: "train", or "test": as many others, drawn alike. Where there are but shifts, both hold
        the same few pictures.

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
        # Raw words: their stream is fixed for good.
        words = np.random.Philox(key=_KEYS[split]).random_raw(2 * len(self._labels))
        which, where = words.reshape(2, -1)
        self._pictures = np.zeros((len(self._labels), SIDE, SIDE), np.uint8)
        for digit in range(10):
            glyph = digit_glyphs.glyph(digit)
            turned = [_turned(glyph, float(angle)) for angle in angles]
            for row in np.flatnonzero(self._labels == digit):
                ink = turned[int(which[row] % np.uint64(len(turned)))]
                left = int(where[row] % np.uint64(SIDE + 1 - ink.shape[1]))
                self._pictures[row, :, left : left + ink.shape[1]] = ink
        how = f"shifted and turned by 0 to {rotation:g} degrees" if rotation else "shifted"
        self.description = f"digits in a serif drawn by lsgan_tf, {how}, {split} split"
        self.fingerprint = hashlib.sha256(self._pictures.tobytes()).hexdigest()

    def __len__(self) -> int:
        return len(self._pictures)

    def read(self, indices: np.ndarray) -> np.ndarray:
        """See `Source`."""
        return self._pictures[indices][..., None]

    def labels(self, indices: np.ndarray) -> np.ndarray:
        """See `Source`."""
        return self._labels[indices]


def open_source(data_dir: Path | None, *, rotation: float = 10.0, split: str = "train") -> Digits:
    """Draws the digits, which takes about two seconds.

    Args:
      data_dir: must be None: nothing is read.
      rotation: see `Digits`.
      split: see `Digits`.

    Raises:
      UserError: if a folder is given, or there is no such split.
    """
    if data_dir is not None:
        raise UserError(
            f"--data_dir={data_dir}: the digits are drawn and need no folder; leave it out"
        )
    return Digits(rotation, split)


def _turned(glyph: Image.Image, angle: float) -> np.ndarray:
    """A glyph turned anticlockwise and brought to the pictures' height: uint8, `(28, width)`."""
    image = glyph.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    image = image.crop(image.getbbox())
    width = min(max(round(image.width * SIDE / image.height), 1), SIDE)
    return np.asarray(image.resize((width, SIDE), Image.Resampling.BOX))
