"""Text drawn as one image per character, laid out in lines."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lsgan_tf.errors import UserError
from lsgan_tf.sampling.sampler import Sampler
from lsgan_tf.util.text import counted, decoded

_MOST_CELLS = 100_000  # of one image


class Written(NamedTuple):
    """A text drawn by a generator.

    Attributes:
      lines: lines of the text, white space included.
      names: class of each image, in the order of the text.
      images: uint8, `(n, height, width, channels)`.
    """

    lines: list[str]
    names: list[str]
    images: np.ndarray

    def cells(self) -> np.ndarray:
        """Lay out the images by line and column; see `lay_out`."""
        return lay_out(self.lines, self.images)


def draw_text(
    sampler: Sampler,
    text: str,
    *,
    seed: int,
    wrap: int | None = None,
    writers: str = "character",
    truncation: float | None = None,
) -> Written:
    """Draw a text, one image per character.

    Args:
      sampler: a model whose classes are single characters.
      text: at least one character; white space is left blank.
      seed: seed of the noise.
      wrap: maximum characters per line; longer lines are wrapped.
      writers: a noise vector per "character", per "line", or "one" for all.
      truncation: see `lsgan_tf.noise.truncated`.

    Raises:
      UserError: for a character unknown to the model, if its classes are not characters, or if
        the text is too large for one image.
    """
    lines, names = lines_of(sampler, text, wrap)
    if writers == "character" and truncation is None:
        return Written(lines, names, sampler.write("".join(names), seed))
    indices = _noise_indices(lines, writers)
    noise = sampler.noise(max(indices) + 1, seed, truncation)
    return Written(lines, names, sampler.draw(noise[indices], sampler.labels(names)))


def lines_of(sampler: Sampler, text: str, wrap: int | None = None) -> tuple[list[str], list[str]]:
    """Check a text and split it into lines.

    Returns:
      The lines, and the characters without white space.

    Raises:
      UserError: see `draw_text`.
    """
    names = sampler.names(text)
    if not sampler.of_characters:
        raise UserError(
            "--text: the classes of this generator are not characters, so it cannot write a "
            "line; give --count as well to draw images of these classes"
        )
    lines = wrapped(unicodedata.normalize("NFC", decoded(text)), wrap)
    columns = max(map(len, lines))
    if len(lines) * columns > _MOST_CELLS:
        raise UserError(
            f"--text: {counted(len(lines), 'line')} of up to {counted(columns, 'character')} are "
            f"too large for one image of at most {_MOST_CELLS:,} characters and blanks; wrap the "
            "lines (--wrap=40), or give a shorter text"
        )
    return lines, names


def wrapped(text: str, width: int | None) -> list[str]:
    """Split a text into lines of at most `width` characters, dropping white space at breaks."""
    lines = []
    for line in text.splitlines():
        while width and len(line.rstrip()) > width:
            lines.append(line[:width].rstrip())
            line = line[width:].lstrip()
        lines.append(line.rstrip() if width else line)
    return lines


def lay_out(lines: Sequence[str], images: np.ndarray) -> np.ndarray:
    """Lay out the images of a text in lines, with blank images for white space.

    Args:
      lines: lines of the text, with n characters other than white space.
      images: uint8, `(n, height, width, channels)`.

    Returns:
      uint8, `(lines, columns, height, width, channels)`.
    """
    columns = max(len(line) for line in lines)
    cells = np.full((len(lines), columns, *images.shape[1:]), 255, np.uint8)
    remaining = iter(images)
    for row, line in enumerate(lines):
        for column, letter in enumerate(line):
            if not letter.isspace():
                cells[row, column] = next(remaining)
    return cells


def _noise_indices(lines: Sequence[str], writers: str) -> list[int]:
    """Return the index of the noise vector of each character other than white space."""
    indices = [row for row, line in enumerate(lines) for letter in line if not letter.isspace()]
    if writers == "character":
        return list(range(len(indices)))
    return indices if writers == "line" else [0] * len(indices)
