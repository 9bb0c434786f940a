"""Sample images of an export."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from lsgan_tf.config import Config
from lsgan_tf.sampling import image_grid
from lsgan_tf.sampling.fixed_noise import SampleGrid, sample_grid
from lsgan_tf.util.pixels import to_uint8

FILE_NAMES = {"serving_default": "samples.png", "serving_raw": "samples-raw.png"}
"""Image file of each signature; the second exists only with EMA weights."""

_ROWS = _COLUMNS = 8
_VALUES_AT_ONCE = 1 << 18


def write_sample_images(
    folder: Path,
    config: Config,
    classes: Sequence[str],
    step: int,
    pixel_range: tuple[float, float] | None,
    signatures: Mapping[str, Callable[..., Mapping[str, tf.Tensor]]],
) -> None:
    """Write grids of 64 images, drawn by the exported functions with the noise of the run's grids.

    For a conditional model: up to eight classes, one per row, with eight noise vectors.

    Args:
      folder: folder of the files in `FILE_NAMES`.
      config: config of the run, with the dataset's metadata.
      classes: names of the classes in label order.
      step: number of training steps, for the title.
      pixel_range: range of the generator's images; None for points.
      signatures: concrete functions of the export by name.
    """
    grid = sample_grid(config, classes, rows=_ROWS, columns=_COLUMNS)
    for signature, name in FILE_NAMES.items():
        if signature not in signatures:
            continue
        made = _draw(signatures[signature], grid, math.prod(config.data_shape))
        title = f"{config.dataset} {config.loss}  step {step:,}"
        if config.ema_decay:
            title += "  raw weights" if signature == "serving_raw" else "  EMA weights"
        title += "  (stand-in)" * config.data_standin
        if pixel_range is None:
            limit = 2 * config.mode_radius
            image = image_grid.scatter(made, np.zeros((0, 2)), title=title, limit=limit)
        else:
            image = grid.image(to_uint8(made, pixel_range), title)
        image_grid.save_png(Path(folder) / name, image)


def _draw(
    function: Callable[..., Mapping[str, tf.Tensor]], grid: SampleGrid, values: int
) -> np.ndarray:
    """Draw the images of a grid in chunks that bound memory."""
    pieces, at_once = [], max(1, _VALUES_AT_ONCE // values)
    for start in range(0, len(grid.z), at_once):
        part = slice(start, start + at_once)
        arguments = {"z": grid.z[part]}
        if grid.labels is not None:
            arguments["label"] = tf.constant(grid.labels[part], tf.int32)
        pieces.append(function(**arguments)["images"].numpy())
    return np.concatenate(pieces)
