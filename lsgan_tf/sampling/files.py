"""Files of samples: lines of handwriting, pictures, and labelled sets."""

from __future__ import annotations

import io
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from lsgan_tf.data.formats.tfrecords import frame
from lsgan_tf.errors import UserError
from lsgan_tf.sampling import image_grid, npz
from lsgan_tf.sampling.sampler import Sampler
from lsgan_tf.util.files import atomic_file, atomic_folder, explained, require_writable
from lsgan_tf.util.progress import Progress

_MOST_IN_ONE_PICTURE = _MOST_IN_A_FOLDER = 10_000
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


def write_text(
    sampler: Sampler,
    text: str,
    out: Path,
    *,
    seed: int,
    scale: int = 2,
    wrap: int | None = None,
    writers: str = "character",
    truncation: float | None = None,
) -> None:
    """Writes a text, a picture for each character: a PNG with a line for each line of text.

    Args:
      sampler: a model whose classes are single characters.
      text: at least one character; white space stays empty.
      out: the file to write.
      seed: of the noise.
      scale: enlargement, a whole number.
      wrap: longer lines go on in the next, this many characters to a line.
      writers: whose hand: of "character", "line" or "one", each has its own noise.
      truncation: see `lsgan_tf.noise.truncated`.

    Raises:
      UserError: for a character that the model does not know, or if `out` cannot be written.
    """
    check_file(out)
    lines = wrapped(unicodedata.normalize("NFC", text), wrap)
    names = sampler.names(text)
    if not names:
        raise UserError("--text: expected at least one character to write, received none")
    if not sampler.of_characters:
        raise UserError(
            "--text: the classes of this generator are no characters, so there is no line to "
            "write; give --count as well to draw pictures of these classes"
        )
    if writers == "character" and truncation is None:
        images = iter(sampler.write("".join(names), seed))
    else:
        hands = _hands(lines, writers)
        noise = sampler.noise(max(hands) + 1, seed, truncation)
        images = iter(sampler.draw(noise[hands], sampler.labels(names)))
    columns = max(len(line) for line in lines)
    cells = np.full((len(lines), columns, *sampler.shape), 255, np.uint8)
    for row, line in enumerate(lines):
        for column, letter in enumerate(line):
            if not letter.isspace():
                cells[row, column] = next(images)
    with explained(out, "writing a picture"):
        image_grid.save_png(out, image_grid.grid(cells, scale=scale))


def wrapped(text: str, width: int | None) -> list[str]:
    """The lines of a text, those longer than `width` characters cut.

    White space where a line is cut is dropped; elsewhere it stays.
    """
    lines = []
    for line in text.splitlines():
        while width and len(line.rstrip()) > width:
            lines.append(line[:width].rstrip())
            line = line[width:].lstrip()
        lines.append(line.rstrip() if width else line)
    return lines


def _hands(lines: Sequence[str], writers: str) -> list[int]:
    """For each character that is no white space, whose noise it takes."""
    hands = [row for row, line in enumerate(lines) for letter in line if not letter.isspace()]
    if writers == "character":
        return list(range(len(hands)))
    return hands if writers == "line" else [0] * len(hands)


def write_set(
    sampler: Sampler,
    out: Path,
    form: str,
    *,
    count: int,
    seed: int,
    names: Sequence[str] = (),
    truncation: float | None = None,
) -> None:
    """Writes a set of `count` images, labelled if the model is conditional.

    Args:
      sampler: the model.
      out: the file to write; for "png" without the suffix `.png` a new folder of pictures.
      form: "png", "gnt" (conditional models of single characters) or "npz" (`images`
        uint8 `(n, h, w)` or `(n, h, w, c)`, and `chars`) or "tfrecord" (`tf.train.Example`s:
        see `record`). All but one picture take no more memory for a
        million images than for one chunk.
      count: how many images, at least 1.
      seed: of the noise.
      names: classes to take in turn; all if empty.
      truncation: see `lsgan_tf.noise.truncated`.

    Raises:
      UserError: for an unknown class, a format that does not fit, a full disk, or an
        `out` that stands in the way.
    """
    names = list(names) or sampler.classes
    if names:
        sampler.labels(names)
    writers = {"npz": _write_npz, "gnt": _write_gnt, "tfrecord": _write_records}
    write = writers.get(form, _write_sheet if out.suffix.lower() == ".png" else _write_folder)
    if form in ("png", "tfrecord") and len(sampler.shape) != 3:
        raise UserError(f"--format={form}: this generator makes points, no pictures; use npz")
    if write is _write_folder:
        if out.exists() and not (out.is_dir() and not any(out.iterdir())):
            raise UserError(
                f"--out={out}: exists already; give a new folder for the pictures, or a name in "
                ".png for all of them in one picture"
            )
    else:
        check_file(out)
    with Progress("drawing samples", total=count, unit="images") as progress:

        def images() -> Iterator[np.ndarray]:
            for chunk in sampler.stream(count, seed, names, truncation=truncation):
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
    from lsgan_tf.data.formats import gnt

    records = (
        (_in_turn(names, number), image[..., 0]) for number, image in enumerate(_each(images))
    )
    gnt.write(out, records)


def _write_records(
    sampler: Sampler, out: Path, images: Iterator[np.ndarray], count: int, names: Sequence[str]
) -> None:
    labels = sampler.labels(names).tolist() if names else []
    with explained(out, "writing samples"), atomic_file(out) as temporary:
        with temporary.open("wb") as stream:
            for number, image in enumerate(_each(images)):
                label = labels[number % len(labels)] if labels else None
                stream.write(record(image, label, _in_turn(names, number)))


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
    picture = image_grid.grid(cells.reshape(-1, columns, *sampler.shape))
    with explained(out, "writing a picture"):
        image_grid.save_png(out, picture)


def _write_folder(
    sampler: Sampler, out: Path, images: Iterator[np.ndarray], count: int, names: Sequence[str]
) -> None:
    # File managers and archivers do not like folders of a million files.
    divided = count > _MOST_IN_A_FOLDER
    with explained(out, "writing samples"), atomic_folder(out) as temporary:
        for number, image in enumerate(_each(images)):
            folder = temporary / f"{number // _MOST_IN_A_FOLDER:04d}" if divided else temporary
            if divided and number % _MOST_IN_A_FOLDER == 0:
                folder.mkdir()
            picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
            name = f"{number:07d}{_suffix(_in_turn(names, number))}.png"
            picture.save(folder / name, pnginfo=image_grid.png_origin())


def _each(chunks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    return (image for chunk in chunks for image in chunk)


def _in_turn(names: Sequence[str], number: int) -> str:
    return names[number % len(names)] if names else ""


def _suffix(name: str) -> str:
    """A class's name within a file's name: by codes where file systems may not take it."""
    if not _PLAIN.fullmatch(name):
        name = "".join(f"U+{ord(letter):04X}" for letter in name)
    return f"-{name[:100]}" if name else ""


def check_file(out: Path) -> None:
    """Refuses a folder, or a place that cannot be written, where a file is to be."""
    if out.is_dir():
        raise UserError(f"--out={out}: is a folder; give the name of a file to write in it")
    require_writable(out, "writing samples")


def record(image: np.ndarray, label: int | None, name: str) -> bytes:
    """One framed record of a TFRecord file.

    Its features are `image/encoded` (PNG), `image/height`, `image/width`,
    `image/channels`, and of a labelled image `label` (int64) and `class` (its name).

    Args:
      image: uint8, `(height, width, channels)`, 1 or 3 channels.
      label: its class's number, or None.
      name: its class's name.
    """
    height, width, channels = image.shape
    encoded = io.BytesIO()
    Image.fromarray(image[..., 0] if channels == 1 else image).save(encoded, "PNG")
    features = {
        "image/encoded": _texts(encoded.getvalue()),
        "image/height": _numbers(height),
        "image/width": _numbers(width),
        "image/channels": _numbers(channels),
    }
    if label is not None:
        features |= {"label": _numbers(label), "class": _texts(name.encode())}
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return frame(example.SerializeToString())


def _texts(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _numbers(value: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
