"""Files of samples: lines of handwriting, pictures, and labelled sets."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from lsgan_tf import grids, npz
from lsgan_tf.errors import UserError
from lsgan_tf.files import atomic_file, atomic_folder, explained
from lsgan_tf.progress import Progress
from lsgan_tf.sampling import Sampler

_MOST_IN_ONE_PICTURE = 10_000
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


def write_text(sampler: Sampler, text: str, out: Path, *, seed: int, scale: int = 2) -> None:
    """Writes a text, a picture for each character: a PNG with a line for each line of text.

    Args:
      sampler: a model whose classes are single characters.
      text: at least one character; white space stays empty.
      out: the file to write.
      seed: of the noise.
      scale: enlargement, a whole number.

    Raises:
      UserError: for a character that the model does not know, or if `out` cannot be written.
    """
    _check_file(out)
    lines = unicodedata.normalize("NFC", text).splitlines()
    names = sampler.names(text)
    if not names:
        raise UserError("--text: expected at least one character to write, received none")
    if not sampler.of_characters:
        raise UserError(
            "--text: the classes of this generator are no characters, so there is no line to "
            "write; give --count as well to draw pictures of these classes"
        )
    images = iter(sampler.write("".join(names), seed))
    columns = max(len(line) for line in lines)
    cells = np.full((len(lines), columns, *sampler.shape), 255, np.uint8)
    for row, line in enumerate(lines):
        for column, letter in enumerate(line):
            if not letter.isspace():
                cells[row, column] = next(images)
    with explained(out, "writing a picture"):
        grids.save_png(out, grids.grid(cells, scale=scale))


def write_set(
    sampler: Sampler, out: Path, form: str, *, count: int, seed: int, names: Sequence[str] = ()
) -> None:
    """Writes a set of `count` images, labelled if the model is conditional.

    Args:
      sampler: the model.
      out: the file to write; for "png" without the suffix `.png` a new folder of pictures.
      form: "png", "gnt" (conditional models of single characters) or "npz" (`images`
        uint8 `(n, h, w)` or `(n, h, w, c)`, and `chars`).
      count: how many images, at least 1.
      seed: of the noise.
      names: classes to take in turn; all if empty.

    Raises:
      UserError: for an unknown class, a format that does not fit, a full disk, or an
        `out` that stands in the way.
    """
    names = list(names) or sampler.classes
    if names:
        sampler.labels(names)
    writers = {"npz": _write_npz, "gnt": _write_gnt}
    write = writers.get(form, _write_sheet if out.suffix.lower() == ".png" else _write_folder)
    if form == "png" and len(sampler.shape) != 3:
        raise UserError("--format=png: this generator makes points, no pictures; use npz")
    if write is _write_folder:
        if out.exists() and not (out.is_dir() and not any(out.iterdir())):
            raise UserError(
                f"--out={out}: exists already; give a new folder for the pictures, or a name in "
                ".png for all of them in one picture"
            )
    else:
        _check_file(out)
    with Progress("drawing samples", total=count, unit="images") as progress:

        def images() -> Iterator[np.ndarray]:
            for chunk in sampler.stream(count, seed, names):
                yield chunk
                progress.add(len(chunk))

        write(sampler, out, images(), count, names)


def _write_npz(
    sampler: Sampler, out: Path, images: Iterator[np.ndarray], count: int, names: Sequence[str]
) -> None:
    shape = sampler.shape
    if len(shape) == 3 and shape[-1] == 1:
        shape = shape[:-1]
    text = np.dtype(f"<U{max(map(len, names), default=1)}")
    chars = (
        np.array([_in_turn(names, number) for number in range(start, min(start + 4096, count))])
        for start in range(0, count, 4096)
    )
    kind = np.dtype(np.uint8 if len(sampler.shape) == 3 else np.float32)
    arrays = {
        "images": npz.Pieces((count, *shape), kind, images),
        "chars": npz.Pieces((count,), text, (piece.astype(text) for piece in chars)),
    }
    with explained(out, "writing samples"), atomic_file(out) as temporary:
        npz.write(temporary, arrays)


def _write_gnt(
    sampler: Sampler, out: Path, images: Iterator[np.ndarray], count: int, names: Sequence[str]
) -> None:
    if not sampler.of_characters or sampler.shape[-1] != 1:
        raise UserError(
            "--format=gnt: a .gnt file holds single characters in grey with their labels, and this "
            "generator makes none; use --format=png or npz"
        )
    from lsgan_tf.data import gnt

    records = (
        (_in_turn(names, number), image[..., 0]) for number, image in enumerate(_each(images))
    )
    gnt.write(out, records)


def _write_sheet(
    sampler: Sampler, out: Path, images: Iterator[np.ndarray], count: int, names: Sequence[str]
) -> None:
    if count > _MOST_IN_ONE_PICTURE:
        raise UserError(
            f"--out={out}: one picture holds {_MOST_IN_ONE_PICTURE:,} images and --count is "
            f"{count:,}; give a name without .png for a folder of pictures, or in .npz"
        )
    columns = math.isqrt(count - 1) + 1
    cells = np.full((-(-count // columns) * columns, *sampler.shape), 255, np.uint8)
    cells[:count] = np.concatenate(list(images))
    picture = grids.grid(cells.reshape(-1, columns, *sampler.shape))
    with explained(out, "writing a picture"):
        grids.save_png(out, picture)


def _write_folder(
    sampler: Sampler, out: Path, images: Iterator[np.ndarray], count: int, names: Sequence[str]
) -> None:
    with explained(out, "writing samples"), atomic_folder(out) as temporary:
        for number, image in enumerate(_each(images)):
            picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
            picture.save(temporary / f"{number:07d}{_suffix(_in_turn(names, number))}.png")


def _each(chunks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    return (image for chunk in chunks for image in chunk)


def _in_turn(names: Sequence[str], number: int) -> str:
    return names[number % len(names)] if names else ""


def _suffix(name: str) -> str:
    """A class's name within a file's name: by codes where file systems may not take it."""
    if not _PLAIN.fullmatch(name):
        name = "".join(f"U+{ord(letter):04X}" for letter in name)
    return f"-{name[:100]}" if name else ""


def _check_file(out: Path) -> None:
    if out.is_dir():
        raise UserError(f"--out={out}: is a folder; give the name of a file to write in it")
