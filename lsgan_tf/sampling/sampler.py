"""Using an exported generator: draws images of given classes, as many as one likes."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from lsgan_tf import networks
from lsgan_tf.errors import UserError
from lsgan_tf.noise import noise, truncated
from lsgan_tf.util.files import explained, read_json
from lsgan_tf.util.graph_check import check_saved_model
from lsgan_tf.util.pixels import to_uint8
from lsgan_tf.util.tensorflow_paths import literal

_MOST_AT_ONCE, _PIXELS_AT_ONCE = 256, 1 << 18
_SMALL = 48  # pixels
_FORM = {
    "step": int,
    "config": {
        "network": str,
        "z_dim": int,
        "z_distribution": str,
        "data_shape": [int],
        "data_standin": bool,
        "data_fingerprint": str,
        "data_description?": str,
        "conditional": bool,
    },
}


class Sampler:
    """A SavedModel written by `lsgan_tf.export`, ready to draw from.

    Args:
      path: the SavedModel's folder.
      weights: "ema", the moving average of G's weights, or "raw", those of the last step;
        None for "ema" if the SavedModel holds it, else "raw".

    Attributes:
      path: the folder.
      weights: "ema" or "raw": which it draws with.
      classes: names of the classes in label order; empty if unconditional.
      shape: shape of one image, `(height, width, channels)`; `(2,)` for the mixture.
      step: steps the generator was trained.
      standin: whether it learnt from the drawn stand-in.
      config: the run's config as plain values.
      z_dim: length of the noise.
      z_distribution: "uniform" on [-1, 1) or "normal".
      chunk: how many images are drawn at once.

    Raises:
      UserError: if there is no such SavedModel, it is damaged, or holds no average.
    """

    def __init__(self, path: Path, weights: str | None = None) -> None:
        if not (Path(path) / "saved_model.pb").is_file():
            raise UserError(
                f"{path}: no SavedModel in it; write one with python -m lsgan_tf.export"
            )
        self.path = Path(path)
        facts = read_json(self.path / "export.json", _FORM)
        check_saved_model(self.path)
        try:
            with explained(path, "loading the SavedModel"), literal(self.path) as folder:
                model = tf.saved_model.load(str(folder))
            names = [name.decode() for name in model.classes.numpy()]
            self._describe(facts["step"], facts["config"], names)
            if self.conditional and (len(names) < 1 or len(set(names)) < len(names)):
                raise ValueError("its classes have no names, or two have the same")
            networks.output_range(self.config["network"])
        # What a damaged file makes TensorFlow raise is of many kinds.
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(
                f"{path}: the SavedModel is damaged or not of lsgan_tf ({reason}); write it again "
                "with python -m lsgan_tf.export"
            ) from error
        self._use(model, weights)

    @classmethod
    def of_functions(
        cls, model: Any, *, step: int, config: dict[str, Any], classes: Sequence[str], path: Path
    ) -> Sampler:
        """A sampler of functions in memory instead of a SavedModel.

        Args:
          model: what `tf.saved_model.load` would return: `signatures` by name, and `between`.
          step: steps the generator was trained.
          config: the run's config as plain values.
          classes: names of the classes in label order.
          path: where the weights come from, for messages.
        """
        sampler = cls.__new__(cls)
        sampler.path = path
        sampler._describe(step, config, classes)
        sampler._use(model, None)
        return sampler

    def _describe(self, step: int, config: dict[str, Any], names: Sequence[str]) -> None:
        """Sets the attributes that tell about the generator."""
        self.step, self.config = step, config
        self.z_dim: int = config["z_dim"]
        self.z_distribution: str = config["z_distribution"]
        self.shape = tuple(config["data_shape"])
        self.standin: bool = config["data_standin"]
        self.conditional: bool = config["conditional"]
        self.classes = list(names) if self.conditional else []
        self._labels = labels_by_name(self.classes)
        pixels = math.prod(self.shape[:2]) if len(self.shape) == 3 else 1
        self.chunk = max(1, min(_MOST_AT_ONCE, _PIXELS_AT_ONCE // pixels))

    def _use(self, model: Any, weights: str | None) -> None:
        """Takes the functions of these weights."""
        signatures = model.signatures
        averaged = "sample_ema" in signatures
        self.weights: str = weights or ("ema" if averaged else "raw")
        if self.weights == "ema" and not averaged:
            raise UserError(
                f"{self.path}: holds no moving average of the weights (its run had "
                "--ema_decay=0); draw with --weights=raw"
            )
        suffix = "_ema" if self.weights == "ema" else ""
        # Version 0.1.0 gave the raw weights the names without a suffix.
        if self.weights == "raw" and "sample_raw" in signatures:
            suffix = "_raw"
        self._model = model  # its functions do not keep its variables alive
        self._sample, self._write = (signatures.get(f"{n}{suffix}") for n in ("sample", "write"))
        self._serve = signatures[f"serving{suffix or '_default'}"]
        self._between = getattr(model, f"between{suffix}", None)

    @property
    def of_characters(self) -> bool:
        """Whether the classes are single characters, so that a text can be written."""
        return bool(self.classes) and max(map(len, self.classes)) == 1

    @property
    def scale(self) -> int:
        """Enlargement at which single images are well seen: 2, or 1 for large ones."""
        return 2 if self.shape[0] < _SMALL else 1

    def spread(self, count: int) -> np.ndarray | None:
        """`count` labels, evenly over all classes: int32; None for an unconditional model."""
        if not self.classes:
            return None
        return np.linspace(0, len(self.classes) - 1, count).astype(np.int32)

    def names(self, text: str) -> list[str]:
        """The classes that a text names: its characters, or its words if classes have words.

        White space and commas only separate, but a class of several words is one between
        commas: "living room, kitchen". Composed characters may come in parts.

        Raises:
          UserError: if the model is unconditional, or does not know one of them.
        """
        text = unicodedata.normalize("NFC", text)
        if self.of_characters:
            names = list("".join(text.split()))
        else:
            parts = [part.strip() for part in text.split(",")]
            names = [
                name
                for part in parts
                for name in ([part] if part in self._labels else part.split())
            ]
        self.labels(names)
        return names

    def labels(self, names: Sequence[str]) -> np.ndarray:
        """Labels of class names: int32.

        Raises:
          UserError: if the model is unconditional or does not know a name.
        """
        if not self.conditional:
            raise UserError(
                "--text: this generator was trained without labels, so it cannot write a given "
                "text; train with --conditional, or give --count instead"
            )
        if unknown := list(dict.fromkeys(name for name in names if name not in self._labels)):
            shown = ", ".join(spell_out(name) for name in unknown[:5])
            between = "" if self.of_characters else ", "
            raise UserError(
                f"--text: the generator does not know {shown}{', ...' * (len(unknown) > 5)}; it "
                f"knows {len(self.classes):,}: {between.join(self.classes[:30])}"
                f"{'...' * (len(self.classes) > 30)}"
            )
        return np.array([self._labels[name] for name in names], np.int32)

    def write(self, text: str, seed: int) -> np.ndarray:
        """One image per character of a text: uint8, `(n, height, width, channels)`.

        The same as the SavedModel's `write` up to `chunk` characters; a longer text
        is written in chunks.

        Raises:
          UserError: if the model does not know a character.
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
        """`count` images in one go: uint8, `(count, height, width, channels)`.

        Args:
          count: how many.
          seed: of the noise.
          labels: one for each image; None for an unconditional model.
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
        """Images in chunks, so that any count fits in memory.

        Args:
          count: how many in all.
          seed: of the noise; no two chunks, nor two seeds, share theirs.
          names: the classes to take in turn; all of the model's if empty.
          truncation: as `noise`.
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
        """The noise under `sample` and `write`: float32, `(count, z_dim)`.

        Args:
          count: how many.
          seed: of the noise; chunks as in `stream`.
          truncation: keep to [-truncation, truncation]: see `lsgan_tf.noise.truncated`.
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
        """Images of given noise: uint8, `(n, height, width, channels)`; points stay floats.

        Args:
          z: float, `(n, z_dim)`.
          labels: one for each; None for an unconditional model.
        """
        pieces = []
        for start in range(0, len(z), self.chunk):
            part = slice(start, start + self.chunk)
            arguments = {"z": tf.constant(z[part], tf.float32)}
            if labels is not None:
                arguments["label"] = tf.constant(labels[part], tf.int32)
            pieces.append(self._pixels(self._serve(**arguments)["images"].numpy()))
        return np.concatenate(pieces) if pieces else self._pixels(np.zeros((0, *self.shape)))

    def between(
        self, z: np.ndarray, first: np.ndarray, second: np.ndarray, share: np.ndarray
    ) -> np.ndarray:
        """Images whose mapped label lies between two classes: uint8, `(n, h, w, c)`.

        Args:
          z: float, `(n, z_dim)`.
          first: labels where `share` is 0, `(n,)`.
          second: labels where it is 1, `(n,)`.
          share: how far from the first to the second, `(n,)`.

        Raises:
          UserError: for a SavedModel of before this existed.
        """
        if self._between is None:
            raise UserError(
                f"{self.path}: this SavedModel was written before interpolation between classes "
                "existed; write it again with python -m lsgan_tf.export"
            )
        pieces = []
        for start in range(0, len(z), self.chunk):
            part = slice(start, start + self.chunk)
            made = self._between(
                tf.constant(z[part], tf.float32),
                tf.constant(first[part], tf.int32),
                tf.constant(second[part], tf.int32),
                tf.constant(share[part], tf.float32),
            )
            pieces.append(self._pixels(made.numpy()))
        return np.concatenate(pieces)

    def _pixels(self, images: np.ndarray) -> np.ndarray:
        """Uint8 from the generator's range; the mixture's points as they are."""
        pixel_range = networks.output_range(self.config["network"])
        if pixel_range is None:
            return images.astype(np.float32)
        return to_uint8(images, pixel_range)


def labels_by_name(classes: Sequence[str]) -> dict[str, int]:
    """The label of each class by its name, and by that name with composed characters whole.

    Some systems name folders with characters in parts; texts come with whole ones.
    """
    whole = {unicodedata.normalize("NFC", name): label for label, name in enumerate(classes)}
    return whole | {name: label for label, name in enumerate(classes)}


def _chunk_seed(seed: int, number: int) -> int:
    """The seed itself for the first chunk; for the others numbers far from any seed in use."""
    if not number:
        return seed
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0]) >> 1


def spell_out(name: str) -> str:
    """A class's name for a message: with its code if it is a sign, not ASCII, or cannot be seen."""
    if name.isascii() and name.isprintable() and (len(name) > 1 or name.isalnum()):
        return name
    code = "+".join(f"U+{ord(letter):04X}" for letter in name)
    return f"{name} ({code})" if name.isprintable() else code
