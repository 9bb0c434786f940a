"""Sample grids of a run: samples from fixed noise, and real examples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from lsgan_tf.config import Config
from lsgan_tf.data.source import Source
from lsgan_tf.gan import GAN
from lsgan_tf.monitoring.tensorboard.summaries import Summaries
from lsgan_tf.sampling import image_grid
from lsgan_tf.sampling.fixed_noise import POINTS, sample_grid
from lsgan_tf.util.files import save_array
from lsgan_tf.util.pixels import to_uint8

_FEW_POINTS = 512  # enough to estimate distances


class Previews:
    """Sample grids of a run, laid out by `lsgan_tf.sampling.fixed_noise`.

    Args:
      config: config of the run.
      source: training data.
      gan: the model.

    Attributes:
      points: points of the last sample grid, float32 `(5120, 2)`; None for images.
    """

    def __init__(self, config: Config, source: Source, gan: GAN) -> None:
        self._config, self._source, self._gan = config, source, gan
        self.points: np.ndarray | None = None
        self._grid = sample_grid(config, source.classes)
        self._generate = tf.function(
            lambda z, y: gan.generator(z, y, training=False), autograph=False
        )
        average = gan.generator if gan.average is None else gan.average
        self._average = tf.function(lambda z, y: average(z, y, training=False), autograph=False)

    def examples(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Generate examples from the grid's noise with the current raw weights.

        Returns:
          Images `(n, height, width, channels)` with values in [0, 1], or points `(n, 2)`,
          float32; and their labels, int32 `(n,)`, None if unconditional.
        """
        z = self._grid.z if self._gan.pixel_range else self._grid.z[:_FEW_POINTS]
        made = self._generate(z, self._grid.labels).numpy()
        if self._gan.pixel_range:
            low, high = self._gan.pixel_range
            made = (made - low) / (high - low)
        return made, self._grid.labels

    def real_examples(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Return about as many distinct real examples as `examples`, of the same classes."""
        if self._gan.pixel_range is None:
            return self._source.read(np.arange(_FEW_POINTS)), None
        indices = np.unique(self._real_indices())
        labels = None if self._grid.labels is None else self._source.labels(indices)
        return self._source.read(indices) / np.float32(255.0), labels

    def samples(self, step: int, *, raw: bool = False) -> np.ndarray:
        """Draw the sample grid with the current weights: uint8, `(height, width, 3)`.

        Args:
          step: step in the title.
          raw: whether to use the raw weights even if there are EMA weights.
        """
        title = f"{self._name()}  step {step:,}"
        draw = self._generate
        if self._gan.average is not None:
            title += "  raw weights" if raw else "  EMA weights"
            draw = self._generate if raw else self._average
        made = draw(self._grid.z, self._grid.labels).numpy()
        if self._gan.pixel_range is None:
            self.points = made
            limit = 2 * self._config.mode_radius
            reals = self._source.read(np.arange(POINTS))
            return image_grid.scatter(made, reals, title=title, limit=limit)
        return self._grid.image(to_uint8(made, self._gan.pixel_range), title)

    def save(self, folder: Path, step: int, summaries: Summaries) -> None:
        """Draw the samples of a step, save them and write them to TensorBoard.

        Args:
          folder: output folder for `step-00001000.png` with the EMA weights and
            `step-00001000-raw.png` with the raw weights; without EMA weights, only the first,
            with the raw weights. Points are also saved as `.npy`.
          step: the step.
          summaries: TensorBoard event files.
        """
        for kind in ("", "-raw") if self._gan.average is not None else ("",):
            image = self.samples(step, raw=bool(kind))
            path = folder / f"step-{step:08d}{kind}.png"
            image_grid.save_png(path, image)
            if self.points is not None:
                save_array(path.with_suffix(".npy"), self.points)
            summaries.image(step, f"samples{kind}", image)

    def reals(self) -> np.ndarray:
        """Return a grid of real examples of the same classes in the same layout."""
        title = f"{self._name()}  real"
        if self._source.standin:
            title += "  (stand-in)"
        if self._gan.pixel_range is None:
            points = self._source.read(np.arange(POINTS))
            return image_grid.scatter(
                points, points, title=title, limit=2 * self._config.mode_radius
            )
        return self._grid.image(self._source.read(self._real_indices()), title)

    def _real_indices(self) -> np.ndarray:
        """Return the source indices of the grid's real examples."""
        if self._grid.labels is None:
            return np.linspace(0, len(self._source) - 1, len(self._grid.z)).astype(np.int64)
        labels, columns = self._source.labels(np.arange(len(self._source))), self._grid.columns
        chosen = [
            np.resize(np.flatnonzero(labels == label)[:columns], columns)
            for label in self._grid.labels[::columns]
        ]
        return np.concatenate(chosen)

    def _name(self) -> str:
        return f"{self._config.dataset} {self._config.loss}"
