"""Sampling from exported generators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from lsgan_tf import networks
from lsgan_tf.errors import UserError
from lsgan_tf.noise import noise, truncated
from lsgan_tf.sampling.class_names import labels_by_name, parse_names, require_known
from lsgan_tf.sampling.image_grid import display_scale
from lsgan_tf.sampling.saved_model import chunk_size, load
from lsgan_tf.util.pixels import to_uint8


class Sampler:
    """An exported generator.

    Args:
      path: folder of a SavedModel written by `lsgan_tf.export`.
      weights: "ema" or "raw"; None for "ema" if the SavedModel has EMA weights, else "raw".

    Attributes:
      path: the folder.
      weights: "ema" or "raw".
      classes: names of the classes in label order; empty if unconditional.
      shape: shape of one image, `(height, width, channels)`; `(2,)` for the mixture.
      step: number of training steps.
      standin: whether it was trained on the synthetic stand-in.
      config: the run's config as plain values.
      z_dim: length of the noise.
      z_distribution: "uniform" on [-1, 1) or "normal".
      chunk: number of images per call.

    Raises:
      UserError: if there is no such SavedModel, it is damaged, or lacks EMA weights.
    """

    def __init__(self, path: Path, weights: str | None = None) -> None:
        loaded = load(Path(path))
        self.path = Path(path)
        self._describe(loaded.step, loaded.config, loaded.classes)
        self._use(loaded.model, weights)

    @classmethod
    def of_functions(
        cls, model: Any, *, step: int, config: dict[str, Any], classes: Sequence[str], path: Path
    ) -> Sampler:
        """Make a sampler from functions in memory instead of a SavedModel.

        Args:
          model: an object like a loaded SavedModel, with `signatures` and `between`.
          step: number of training steps.
          config: the run's config as plain values.
          classes: names of the classes in label order.
          path: origin of the weights, for messages.
        """
        sampler = cls.__new__(cls)
        sampler.path = path
        sampler._describe(step, config, classes)
        sampler._use(model, None)
        sampler.weights = "ema" if config["ema_decay"] else "raw"
        return sampler

    def _describe(self, step: int, config: dict[str, Any], names: Sequence[str]) -> None:
        """Set the attributes that describe the generator."""
        self.step, self.config = step, config
        self.z_dim: int = config["z_dim"]
        self.z_distribution: str = config["z_distribution"]
        self.shape = tuple(config["data_shape"])
        self.standin: bool = config["data_standin"]
        self.conditional: bool = config["conditional"]
        self.classes = list(names) if self.conditional else []
        self._labels = labels_by_name(self.classes)
        self.chunk = chunk_size(self.shape)

    def _use(self, model: Any, weights: str | None) -> None:
        """Select the functions with the chosen weights."""
        signatures = model.signatures
        has_ema = "sample_ema" in signatures
        self.weights: str = weights or ("ema" if has_ema else "raw")
        if self.weights == "ema" and not has_ema:
            raise UserError(
                f"{self.path}: has no EMA weights (its run had --ema_decay=0); use --weights=raw"
            )
        suffix = "_ema" if self.weights == "ema" else ""
        # Version 0.1.0 used the names without suffix for the raw weights.
        if self.weights == "raw" and "sample_raw" in signatures:
            suffix = "_raw"
        self._model = model  # keeps the variables alive, which its functions do not
        self._sample, self._write = (signatures.get(f"{n}{suffix}") for n in ("sample", "write"))
        self._serve = signatures[f"serving{suffix or '_default'}"]
        self._between = getattr(model, f"between{suffix}", None)

    @property
    def of_characters(self) -> bool:
        """Whether the classes are single characters."""
        return bool(self.classes) and max(map(len, self.classes)) == 1

    @property
    def scale(self) -> int:
        """Enlargement for display: 2 for small images, else 1."""
        return display_scale(self.shape[0])

    def evenly_spaced_labels(self, count: int) -> np.ndarray | None:
        """Return `count` labels evenly spaced over all classes; None if unconditional."""
        if not self.classes:
            return None
        return np.linspace(0, len(self.classes) - 1, count).astype(np.int32)

    def names(self, text: str) -> list[str]:
        """Parse class names from a text.

        Names are single characters, or words separated by white space and commas; names of
        several words are separated by commas: "living room, kitchen". The text is normalised
        to composed characters (NFC).

        Raises:
          UserError: if the model is unconditional, a name is unknown, or there is none.
        """
        names = parse_names(text, self._labels, of_characters=self.of_characters)
        self.labels(names)
        if not names:
            kind = "character" if self.of_characters else "class"
            raise UserError(f"--text: expected at least one {kind}, received none")
        return names

    def labels(self, names: Sequence[str]) -> np.ndarray:
        """Return the labels of class names: int32.

        Raises:
          UserError: if the model is unconditional or a name is unknown.
        """
        if not self.conditional:
            raise UserError(
                "--text: this generator is unconditional, so it cannot write a given text; train "
                "with --conditional, or give --count instead"
            )
        require_known(names, self._labels, self.classes, of_characters=self.of_characters)
        return np.array([self._labels[name] for name in names], np.int32)

    def write(self, text: str, seed: int) -> np.ndarray:
        """Draw an image per character of a text: uint8, `(n, height, width, channels)`.

        Equal to the SavedModel's `write` for up to `chunk` characters; longer texts are
        processed in chunks.

        Raises:
          UserError: if a character is unknown.
        """
        self.labels(list(text))
        images = [
            self._write(
                text=tf.constant(text[start : start + self.chunk]),
                seed=tf.constant(_chunk_seed(seed, number)),
            )["images"].numpy()
            for number, start in enumerate(range(0, len(text), self.chunk))
        ]
        return np.concatenate(images) if images else np.zeros((0, *self.shape), np.uint8)

    def sample(self, count: int, seed: int, labels: np.ndarray | None = None) -> np.ndarray:
        """Draw images in one call: uint8, `(count, height, width, channels)`.

        Args:
          count: number of images.
          seed: seed of the noise.
          labels: label of each image; None if unconditional.
        """
        arguments = {"count": tf.constant(count), "seed": tf.constant(seed)}
        if labels is not None:
            arguments["label"] = tf.constant(labels, tf.int32)
        return self._sample(**arguments)["images"].numpy()

    def stream(
        self,
        count: int,
        seed: int,
        names: Sequence[str] = (),
        *,
        truncation: float | None = None,
    ) -> Iterator[np.ndarray]:
        """Draw any number of images, in chunks.

        Args:
          count: total number of images.
          seed: seed of the noise; each chunk derives its own.
          names: classes, repeated in turn; all if empty.
          truncation: see `noise`.
        """
        chosen = self.labels(names) if names else np.arange(len(self.classes), dtype=np.int32)
        for number, start in enumerate(range(0, count, self.chunk)):
            turn = np.arange(start, min(start + self.chunk, count))
            labels = chosen[turn % len(chosen)] if len(chosen) else None
            chunk_seed = _chunk_seed(seed, number)
            if truncation is None:
                yield self.sample(len(turn), chunk_seed, labels)
            else:
                yield self.draw(self.noise(len(turn), chunk_seed, truncation), labels)

    def noise(self, count: int, seed: int, truncation: float | None = None) -> np.ndarray:
        """Return the noise used by `sample` and `write`: float32, `(count, z_dim)`.

        Args:
          count: number of noise vectors.
          seed: seed of the noise; chunks as in `stream`.
          truncation: range of values, see `lsgan_tf.noise.truncated`.
        """
        pieces = [
            noise(
                _chunk_seed(seed, number),
                0,
                0,
                min(self.chunk, count - start),
                self.z_dim,
                self.z_distribution,
            ).numpy()
            for number, start in enumerate(range(0, count, self.chunk))
        ]
        z = np.concatenate(pieces) if pieces else np.zeros((0, self.z_dim), np.float32)
        return z if truncation is None else truncated(z, truncation, self.z_distribution)

    def draw(self, z: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Draw images of given noise: uint8, `(n, height, width, channels)`; float for points.

        Args:
          z: float, `(n, z_dim)`.
          labels: label of each image; None if unconditional.
        """
        inputs = {"z": np.asarray(z, np.float32)}
        if labels is not None:
            inputs["label"] = np.asarray(labels, np.int32)
        return self._in_chunks(lambda part: self._serve(**part)["images"], inputs)

    def interpolate(
        self, z: np.ndarray, first: np.ndarray, second: np.ndarray, fraction: np.ndarray
    ) -> np.ndarray:
        """Draw images with interpolated label mappings: uint8, `(n, h, w, c)`.

        Args:
          z: float, `(n, z_dim)`.
          first: labels at `fraction` 0, `(n,)`.
          second: labels at `fraction` 1, `(n,)`.
          fraction: weight of the second label's mapping, `(n,)`.

        Raises:
          UserError: for SavedModels without this function.
        """
        if self._between is None:
            raise UserError(
                f"{self.path}: this SavedModel is of a version without interpolation between "
                "classes; export it again with python -m lsgan_tf.export"
            )
        between = self._between
        inputs = {
            "z": np.asarray(z, np.float32),
            "first": np.asarray(first, np.int32),
            "second": np.asarray(second, np.int32),
            "fraction": np.asarray(fraction, np.float32),
        }
        return self._in_chunks(lambda part: between(*part.values()), inputs)

    def _in_chunks(
        self, draw: Callable[[dict[str, tf.Tensor]], tf.Tensor], inputs: dict[str, np.ndarray]
    ) -> np.ndarray:
        """Call a function with `chunk` rows of the inputs at a time; convert images to uint8."""
        pieces = []
        for start in range(0, len(inputs["z"]), self.chunk):
            part = {name: tf.constant(a[start : start + self.chunk]) for name, a in inputs.items()}
            pieces.append(self._pixels(draw(part).numpy()))
        return np.concatenate(pieces) if pieces else self._pixels(np.zeros((0, *self.shape)))

    def _pixels(self, images: np.ndarray) -> np.ndarray:
        """Convert the generator's output to uint8; points stay float."""
        pixel_range = networks.output_range(self.config["network"])
        if pixel_range is None:
            return images.astype(np.float32)
        return to_uint8(images, pixel_range)


def _chunk_seed(seed: int, number: int) -> int:
    """Return the seed of a chunk: `seed` for the first, pseudo-random for the others."""
    if not number:
        return seed
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0]) >> 1
