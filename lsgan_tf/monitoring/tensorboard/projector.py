"""Files of the learned label embeddings for TensorBoard's Projector.

They are in the TensorBoard folder of the run, and each is replaced atomically:

    projector_config.pbtxt          list of the other files; written last
    projector/generator.tsv         Phi of G, a row per class
    projector/discriminator.tsv     Phi of D, a row per class
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
_NUMBER = 12  # maximum bytes per number
_ROOM = 64 << 20  # bytes for the sprite
LARGEST = 8192
"""Maximum side of the sprite in pixels: the largest texture that WebGL supports everywhere."""

_CANDIDATES = 8
_LARGEST_TILE = 128
_NOTHING = 128


class Projector:
    """The Projector's files of a conditional run.

    Args:
      folder: TensorBoard folder of the run.
      gan: the model.
      source: training data.
    """

    def __init__(self, folder: Path, gan: GAN, source: Source) -> None:
        self._folder, self._source = Path(folder), source
        self._maps = {
            network.name: network.label_map.kernel for network in (gan.generator, gan.discriminator)
        }
        for place in (self._folder, self._folder / _FOLDER):
            clear_leftovers(place)

    def write(self) -> None:
        """Write the current vectors, and the other files if they do not exist.

        Raises:
          UserError: if they cannot be written.
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
        # TensorBoard sorts them by name and shows the first one initially: that of G.
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
    """Write rows of numbers with four digits, which suffices: 0.4 s for 3,740 rows of 256."""
    form = "\t".join(["%.4g"] * rows.shape[1]) + "\n"
    with atomic_file(path) as temporary, open(temporary, "w", encoding="ascii") as stream:
        stream.writelines(form % tuple(row) for row in rows.tolist())


def _cell(name: str) -> str:
    """Replace tabs and line breaks in a class name; never return an empty one."""
    return " ".join(name.split()) or "?"


class Sprite(NamedTuple):
    """A square image of square tiles, row by row in label order."""

    image: np.ndarray
    """uint8, `(side, side)` or `(side, side, 3)`."""
    tile: int
    """Side of a tile in pixels."""


def make_sprite(source: Source) -> Sprite:
    """Make a sprite of one real example per class, scaled down if they do not fit.

    Args:
      source: square images with classes.
    """
    count, (size, _, channels) = len(source.classes), source.shape
    columns = math.isqrt(count - 1) + 1
    tile = tile_size(size, count)
    image = np.full((columns * tile, columns * tile, channels), 255, np.uint8)
    for label, portrait in enumerate(_portraits(source)):
        top, left = (place * tile for place in divmod(label, columns))
        image[top : top + tile, left : left + tile] = _resized(portrait, tile)
    return Sprite(image[..., 0] if channels == 1 else image, tile)


def tile_size(size: int, count: int) -> int:
    """Return the side of a tile in pixels: `size`, or less if `count` such tiles do not fit."""
    columns = math.isqrt(count - 1) + 1
    return max(1, min(size, _LARGEST_TILE, LARGEST // columns))


def _portraits(source: Source) -> list[np.ndarray]:
    """Return per class the example nearest to the mean of its first 8, uint8."""
    labels = source.labels(np.arange(len(source)))
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(len(source.classes) + 1))
    found = []
    for start, stop in itertools.pairwise(starts):
        indices = order[start : min(stop, start + _CANDIDATES)]
        if not len(indices):
            found.append(np.full(source.shape, _NOTHING, np.uint8))
            continue
        examples = source.read(indices)
        far = np.square(examples - examples.mean(axis=0)).sum(axis=(1, 2, 3))
        found.append(examples[far.argmin()])
    return found


def _resized(image: np.ndarray, tile: int) -> np.ndarray:
    """Resize an image to a tile, `(tile, tile, channels)`."""
    if len(image) == tile:
        return image
    plain = image[..., 0] if image.shape[-1] == 1 else image
    small = Image.fromarray(plain).resize((tile, tile), Image.Resampling.BOX)
    return np.asarray(small).reshape(tile, tile, -1)
