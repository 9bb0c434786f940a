"""Files of the learned label embedding for TensorBoard's Projector.

Files in TensorBoard's folder of the run, each replaced as a whole:

    projector_config.pbtxt          names the others; written last
    projector/generator.tsv         G's Phi, a row for each class, and D's
    projector/discriminator.tsv
    projector/characters.tsv        name and label of each class
    projector/sprite.png            a real example of each class
"""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from lsgan_tf.data.source import Source
from lsgan_tf.gan import GAN
from lsgan_tf.util.files import atomic_file, clear_leftovers, explained, require_free_space

CONFIG = "projector_config.pbtxt"
_FOLDER = "projector"
_NAMES, _SPRITE = "characters.tsv", "sprite.png"
_NUMBER = 12  # bytes of a number, at most
_ROOM = 64 << 20  # for the sprite
LARGEST = 8192
"""Side of the largest texture that WebGL supports everywhere, in pixels."""

_CANDIDATES = 8
_LARGEST_TILE = 128
_NOTHING = 128


class Projector:
    """Writes the Projector's files of a conditional run.

    Args:
      folder: TensorBoard's folder of the run.
      gan: its model.
      source: its data.
    """

    def __init__(self, folder: Path, gan: GAN, source: Source) -> None:
        self._folder, self._source = Path(folder), source
        self._maps = {
            network.name: network.label_map.kernel for network in (gan.generator, gan.discriminator)
        }
        for place in (self._folder, self._folder / _FOLDER):
            clear_leftovers(place)

    def write(self) -> None:
        """Writes the current vectors, and the other files at the first call.

        Raises:
          UserError: if the disk is full.
        """
        folder, first = self._folder / _FOLDER, not (self._folder / CONFIG).is_file()
        size = sum(_NUMBER * np.prod(kernel.shape) for kernel in self._maps.values())
        with explained(folder, "writing the Projector's files"):
            require_free_space(folder, int(size) + first * _ROOM, "the Projector's files")
            for name, kernel in self._maps.items():
                _write_rows(folder / f"{name}.tsv", np.asarray(kernel))
            if first:
                self._write_once(folder)

    def _write_once(self, folder: Path) -> None:
        from lsgan_tf.sampling.image_grid import save_png

        classes = self._source.classes
        rows = ["character\tlabel", *(f"{_cell(c)}\t{n}" for n, c in enumerate(classes))]
        with atomic_file(folder / _NAMES) as temporary:
            temporary.write_text("\n".join(rows) + "\n", encoding="utf-8")
        sprite = make_sprite(self._source)
        save_png(folder / _SPRITE, sprite.image)
        with atomic_file(self._folder / CONFIG) as temporary:
            temporary.write_text(self._config(sprite.tile), encoding="utf-8")

    def _config(self, tile: int) -> str:
        from google.protobuf import text_format
        from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

        config = ProjectorConfig()
        # TensorBoard lists them by the alphabet and begins with the first: with G's.
        words = {"generator": "in the generator", "discriminator": "of the discriminator"}
        for name, kernel in self._maps.items():
            shown = config.embeddings.add()
            shown.tensor_name = f"labels {words[name]}"
            shown.tensor_shape.extend(kernel.shape)
            shown.tensor_path = f"{_FOLDER}/{name}.tsv"
            shown.metadata_path = f"{_FOLDER}/{_NAMES}"
            shown.sprite.image_path = f"{_FOLDER}/{_SPRITE}"
            shown.sprite.single_image_dim.extend((tile, tile))
        return text_format.MessageToString(config)


def _write_rows(path: Path, rows: np.ndarray) -> None:
    """Formats numbers with four digits, which suffices here: 0.4 s for 3,740 rows of 256."""
    form = "\t".join(["%.4g"] * rows.shape[1]) + "\n"
    with atomic_file(path) as temporary, open(temporary, "w", encoding="ascii") as stream:
        stream.writelines(form % tuple(row) for row in rows.tolist())


def _cell(name: str) -> str:
    """Replaces tabs and line ends in a class name, which is never empty."""
    return " ".join(name.split()) or "?"


class Sprite(NamedTuple):
    """A square image of square tiles, row by row in label order."""

    image: np.ndarray
    """uint8, `(side, side)` or `(side, side, 3)`."""
    tile: int
    """Side of a tile in pixels."""


def make_sprite(source: Source) -> Sprite:
    """Returns one real example per class, shrunk if they would not fit otherwise.

    Args:
      source: square pictures with classes.
    """
    count, (size, _, channels) = len(source.classes), source.shape
    columns = math.isqrt(count - 1) + 1
    tile = tile_size(size, count)
    image = np.full((columns * tile, columns * tile, channels), 255, np.uint8)
    for label, picture in enumerate(_portraits(source)):
        top, left = (place * tile for place in divmod(label, columns))
        image[top : top + tile, left : left + tile] = _resized(picture, tile)
    return Sprite(image[..., 0] if channels == 1 else image, tile)


def tile_size(size: int, count: int) -> int:
    """Side of a tile: that of the images if `count` of them fit into the largest sprite."""
    columns = math.isqrt(count - 1) + 1
    return max(1, min(size, _LARGEST_TILE, LARGEST // columns))


def _portraits(source: Source) -> list[np.ndarray]:
    """Returns, per class, the example nearest to the mean of its first few: uint8."""
    labels = source.labels(np.arange(len(source)))
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(len(source.classes) + 1))
    found = []
    for start, stop in itertools.pairwise(starts):
        indices = order[start : min(stop, start + _CANDIDATES)]
        if not len(indices):
            found.append(np.full(source.shape, _NOTHING, np.uint8))
            continue
        pictures = source.read(indices)
        far = np.square(pictures - pictures.mean(axis=0)).sum(axis=(1, 2, 3))
        found.append(pictures[far.argmin()])
    return found


def _resized(picture: np.ndarray, tile: int) -> np.ndarray:
    """Resizes an image to a tile, `(tile, tile, channels)`."""
    if len(picture) == tile:
        return picture
    plain = picture[..., 0] if picture.shape[-1] == 1 else picture
    small = Image.fromarray(plain).resize((tile, tile), Image.Resampling.BOX)
    return np.asarray(small).reshape(tile, tile, -1)
