"""The picture beside an export: what its generator draws, for who looks before loading it."""

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
"""The picture of each signature; the second is there beside a moving average alone."""

_ROWS = _COLUMNS = 8
_VALUES_AT_ONCE = 1 << 18


def write_pictures(
    folder: Path,
    config: Config,
    classes: Sequence[str],
    step: int,
    pixel_range: tuple[float, float] | None,
    signatures: Mapping[str, Callable[..., Mapping[str, tf.Tensor]]],
) -> None:
    """Draws 64 images with the functions that are exported, on the noise of the run's grids.

    For a conditional model, up to eight classes, one per row, with eight noise vectors.

    Args:
      folder: gets the files of `FILE_NAMES`.
      config: the run's, with the dataset's facts.
      classes: names of the classes in label order.
      step: steps trained, for the title.
      pixel_range: the generator's; None if it makes points.
      signatures: the export's concrete functions by name.
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
            picture = image_grid.scatter(made, np.zeros((0, 2)), title=title, limit=limit)
        else:
            picture = grid.picture(to_uint8(made, pixel_range), title)
        image_grid.save_png(Path(folder) / name, picture)


def _draw(
    function: Callable[..., Mapping[str, tf.Tensor]], grid: SampleGrid, values: int
) -> np.ndarray:
    """Images of the grid's noise, few at a time where they are large."""
    pieces, at_once = [], max(1, _VALUES_AT_ONCE // values)
    for start in range(0, len(grid.z), at_once):
        part = slice(start, start + at_once)
        arguments = {"z": grid.z[part]}
        if grid.labels is not None:
            arguments["label"] = tf.constant(grid.labels[part], tf.int32)
        pieces.append(function(**arguments)["images"].numpy())
    return np.concatenate(pieces)
