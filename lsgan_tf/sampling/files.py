"""Writing samples to files: lines of handwriting, images, and labelled data sets."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from lsgan_tf.data.formats.tfrecords import frame
from lsgan_tf.errors import UserError
from lsgan_tf.sampling import image_grid, npz
from lsgan_tf.sampling.sampler import Sampler
from lsgan_tf.sampling.text import draw_text
from lsgan_tf.util.files import atomic_file, atomic_folder, explained, require_writable
from lsgan_tf.util.progress import Progress

_MOST_PER_SHEET = _MOST_PER_FOLDER = 10_000
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
    """Write a text as a PNG of generated characters, line by line.

    Args:
      sampler: a model whose classes are single characters.
      text: at least one character; white space is left blank.
      out: the file to write.
      seed: seed of the noise.
      scale: enlargement, an integer.
      wrap: maximum characters per line; longer lines are wrapped.
      writers: a noise vector per "character", per "line", or "one" for all.
      truncation: see `lsgan_tf.noise.truncated`.

    Raises:
      UserError: for a character unknown to the model, or if `out` cannot be written.
    """
    check_file(out)
    written = draw_text(sampler, text, seed=seed, wrap=wrap, writers=writers, truncation=truncation)
    with explained(out, "writing an image"):
        image_grid.save_png(out, image_grid.grid(written.cells(), scale=scale))


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
    """Write a set of images, labelled if the model is conditional.

    Memory does not grow with `count`, except for a single image.

    Args:
      sampler: the model.
      out: the file to write; for "png" without the suffix `.png` a new folder of images.
      form: "png", "gnt" (conditional models of single characters) or "npz" (`images`
        uint8 `(n, h, w)` or `(n, h, w, c)`, and `chars`) or "tfrecord" (see `record`).
      count: number of images, at least 1.
      seed: seed of the noise.
      names: classes, repeated in turn; all if empty.
      truncation: see `lsgan_tf.noise.truncated`.

    Raises:
      UserError: for an unknown class, a format that does not suit the model, an existing
        folder `out`, or if `out` cannot be written.
    """
    names = list(names) or sampler.classes
    if names:
        sampler.labels(names)
    writers = {"npz": write_npz, "gnt": _write_gnt, "tfrecord": _write_records}
    write = writers.get(form, _write_sheet if out.suffix.lower() == ".png" else _write_folder)
    if form in ("png", "tfrecord") and len(sampler.shape) != 3:
        raise UserError(f"--format={form}: this generator makes points, not images; use npz")
    if write is _write_folder:
        if out.exists() and not (out.is_dir() and not any(out.iterdir())):
            raise UserError(
                f"--out={out}: exists already; give a new folder for the images, or a name in "
                ".png for a single image"
            )
    else:
        check_file(out)
    with Progress("drawing samples", total=count, unit="images") as progress:

        def images() -> Iterator[np.ndarray]:
            for chunk in sampler.stream(count, seed, names, truncation=truncation):
                yield chunk
                progress.add(len(chunk))

        write(sampler, out, images(), count, names)


def write_npz(
    sampler: Sampler, out: Path, images: Iterator[np.ndarray], count: int, names: Sequence[str]
) -> None:
    """Write images and the names of their classes as `.npz`.

    Args:
      sampler: the model that drew them.
      out: the file to write.
      images: chunks of images, `(n, height, width, channels)`; a single channel is dropped.
      count: total number of images.
      names: classes of the images, repeated in turn; empty if unconditional.
    """
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
            "--format=gnt: a .gnt file contains labelled grey images of single characters, which "
            "this generator does not make; use --format=png or npz"
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
    if count > _MOST_PER_SHEET:
        raise UserError(
            f"--out={out}: a grid has at most {_MOST_PER_SHEET:,} images and --count is "
            f"{count:,}; give a name without .png for a folder of images, or a .npz file"
        )
    sheet = image_grid.sheet(np.concatenate(list(images)))
    with explained(out, "writing an image"):
        image_grid.save_png(out, sheet)


def _write_folder(
    sampler: Sampler, out: Path, images: Iterator[np.ndarray], count: int, names: Sequence[str]
) -> None:
    # Many programs cannot handle folders of a million files.
    divided = count > _MOST_PER_FOLDER
    with explained(out, "writing samples"), atomic_folder(out) as temporary:
        for number, image in enumerate(_each(images)):
            folder = temporary / f"{number // _MOST_PER_FOLDER:04d}" if divided else temporary
            if divided and number % _MOST_PER_FOLDER == 0:
                folder.mkdir()
            file = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
            name = f"{number:07d}{_suffix(_in_turn(names, number))}.png"
            file.save(folder / name, pnginfo=image_grid.png_origin())


def _each(chunks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    return (image for chunk in chunks for image in chunk)


def _in_turn(names: Sequence[str], number: int) -> str:
    return names[number % len(names)] if names else ""


def _suffix(name: str) -> str:
    """Format a class name for a file name, by code points unless plain ASCII."""
    if not _PLAIN.fullmatch(name):
        name = "".join(f"U+{ord(letter):04X}" for letter in name)
    return f"-{name[:100]}" if name else ""


def check_file(out: Path) -> None:
    """Check that a file can be written, and is not a folder."""
    if out.is_dir():
        raise UserError(f"--out={out}: is a folder; give the name of a file")
    require_writable(out, "writing samples")


def record(image: np.ndarray, label: int | None, name: str) -> bytes:
    """Encode an image as a framed TFRecord record.

    The record is a `tf.train.Example` with the features `image/encoded` (PNG), `image/height`,
    `image/width`, `image/channels`, and if labelled `label` (int64) and `class` (its name).

    Args:
      image: uint8, `(height, width, channels)`, 1 or 3 channels.
      label: label of the image, or None.
      name: name of its class.
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
