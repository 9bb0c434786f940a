"""Using an exported generator: lines of handwriting and labelled sets."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from lsgan_tf import grids
from lsgan_tf.errors import UserError
from lsgan_tf.files import atomic_file, atomic_folder, explained, read_json

_CHUNK = 256
FORMATS = ("png", "gnt", "npz")


class Sampler:
    """A SavedModel written by `lsgan_tf.export`, ready to draw from.

    Args:
      path: the SavedModel's folder.

    Attributes:
      classes: names of the classes in label order; empty if unconditional.
      step: steps the generator was trained.
      standin: whether it learnt from the drawn stand-in.

    Raises:
      UserError: if there is no such SavedModel.
    """

    def __init__(self, path: Path) -> None:
        if not (Path(path) / "saved_model.pb").is_file():
            raise UserError(
                f"{path}: no SavedModel in it; write one with python -m lsgan_tf.export"
            )
        facts = read_json(Path(path) / "export.json")
        self.step: int = facts["step"]
        self.standin: bool = facts["config"]["data_standin"]
        self.conditional: bool = facts["config"]["conditional"]
        self._model = tf.saved_model.load(str(path))
        names = [name.decode() for name in self._model.classes.numpy()]
        self.classes = names if self.conditional else []
        self._labels = {name: label for label, name in enumerate(self.classes)}

    def labels(self, names: Sequence[str]) -> np.ndarray:
        """Labels of class names: int32.

        Raises:
          UserError: if the model is unconditional or does not know a name.
        """
        if not self.conditional:
            raise UserError(
                "this generator was trained without labels, so it cannot write a given text; "
                "train with --conditional, or leave --text out"
            )
        if unknown := sorted({name for name in names if name not in self._labels}):
            shown = ", ".join(f"{name} ({_code(name)})" for name in unknown[:5])
            raise UserError(
                f"--text: the generator does not know {shown}; it knows {len(self.classes):,} "
                f"characters: {''.join(self.classes[:30])}{'...' * (len(self.classes) > 30)}"
            )
        return np.array([self._labels[name] for name in names], np.int32)

    def write(self, text: str, seed: int) -> np.ndarray:
        """One image per character of a text: uint8, `(n, height, width, channels)`."""
        self.labels(list(text))
        signature = self._model.signatures["write"]
        return signature(text=tf.constant(text), seed=tf.constant(seed))["images"].numpy()

    def sample(self, count: int, seed: int, labels: np.ndarray | None = None) -> np.ndarray:
        """`count` images: uint8, `(count, height, width, channels)`.

        Args:
          count: how many.
          seed: of the noise.
          labels: one for each image; None for an unconditional model.
        """
        arguments = {"count": tf.constant(count), "seed": tf.constant(seed)}
        if labels is not None:
            arguments["label"] = tf.constant(labels, tf.int32)
        return self._model.signatures["sample"](**arguments)["images"].numpy()

    def stream(
        self, count: int, seed: int, names: Sequence[str] = ()
    ) -> Iterator[tuple[np.ndarray, list[str]]]:
        """Images with their class names, in chunks, so that any count fits in memory.

        Args:
          count: how many in all.
          seed: the first chunk's; each further one has the next.
          names: the classes to take in turn; all of the model's if empty.
        """
        names = list(names) or self.classes
        chosen = self.labels(names) if names else None
        for number, start in enumerate(range(0, count, _CHUNK)):
            size = min(_CHUNK, count - start)
            turn = np.arange(start, start + size) % max(len(names), 1)
            labels = None if chosen is None else chosen[turn]
            chunk_seed = (seed + number) % 2**31
            yield (
                self.sample(size, chunk_seed, labels),
                [names[t] if names else "" for t in turn],
            )


def write_text(sampler: Sampler, text: str, out: Path, *, seed: int, scale: int = 2) -> None:
    """Writes a text in one hand-writing per character: a PNG, a line for each line of text.

    Spaces stay empty. Raises UserError for a character that the model does not know.
    """
    lines = unicodedata.normalize("NFC", text).split("\n")
    letters = "".join(letter for line in lines for letter in line if not letter.isspace())
    if not letters:
        raise UserError("--text: expected at least one character to write, received none")
    images = iter(sampler.write(letters, seed))
    height, width, channels = sampler.write(letters[0], seed).shape[1:]
    columns = max(len(line) for line in lines)
    cells = np.full((len(lines), columns, height, width, channels), 255, np.uint8)
    for row, line in enumerate(lines):
        for column, letter in enumerate(line):
            if not letter.isspace():
                cells[row, column] = next(images)
    save_picture(out, grids.grid(cells, scale=scale))


def write_set(
    sampler: Sampler, out: Path, form: str, *, count: int, seed: int, names: Sequence[str] = ()
) -> None:
    """Writes a set of `count` images, labelled if the model is conditional.

    Args:
      sampler: the model.
      out: the file to write; for "png" without the suffix `.png` a folder of pictures.
      form: "png", "gnt" (conditional models of single characters) or "npz" (`images`
        uint8 `(n, h, w)` or `(n, h, w, c)`, and `chars`).
      count: how many images.
      seed: of the noise.
      names: classes to take in turn; all if empty.

    Raises:
      UserError: for an unknown character, a format that does not fit, a full disk.
    """
    stream = sampler.stream(count, seed, names)
    if form == "npz":
        chunks = list(stream)
        images = np.concatenate([images for images, _ in chunks])
        chars = [name for _, named in chunks for name in named]
        if images.ndim == 4 and images.shape[-1] == 1:
            images = images[..., 0]
        with explained(out, "writing samples"), atomic_file(out) as temporary:
            with temporary.open("wb") as file:
                np.savez_compressed(file, images=images, chars=np.array(chars))
    elif form == "gnt":
        if not sampler.classes or max(map(len, sampler.classes)) > 1:
            raise UserError(
                "--format=gnt: a .gnt file holds single characters with their labels, and this "
                "generator makes none; use --format=png or npz"
            )
        from lsgan_tf.data import gnt

        records = (
            (name, image[..., 0])
            for images, named in stream
            for image, name in zip(images, named, strict=True)
        )
        gnt.write(out, records)
    elif out.suffix.lower() == ".png":
        images = np.concatenate([images for images, _ in stream])
        columns = int(np.ceil(np.sqrt(count)))
        blank = np.full((-count % columns, *images.shape[1:]), 255, np.uint8)
        cells = np.concatenate([images, blank]).reshape(-1, columns, *images.shape[1:])
        save_picture(out, grids.grid(cells))
    else:
        with explained(out, "writing samples"), atomic_folder(out) as temporary:
            number = 0
            for images, named in stream:
                for image, name in zip(images, named, strict=True):
                    suffix = f"-{_code(name)}" if name else ""
                    grids.save_png(temporary / f"{number:07d}{suffix}.png", image)
                    number += 1


def save_picture(out: Path, picture: np.ndarray) -> None:
    """Writes a PNG where the user asked for it."""
    with explained(out, "writing a picture"):
        grids.save_png(out, picture)


def _code(name: str) -> str:
    return name if name.isascii() else "".join(f"U+{ord(letter):04X}" for letter in name)
