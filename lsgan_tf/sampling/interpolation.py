"""Pictures that show what a generator has learnt: between two samples, and along one number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from lsgan_tf.data.formats.not_data import SOFTWARE
from lsgan_tf.errors import UserError
from lsgan_tf.sampling import image_grid
from lsgan_tf.sampling import image_grid as grids
from lsgan_tf.sampling.files import check_file
from lsgan_tf.sampling.sampler import Sampler
from lsgan_tf.util.files import atomic_file, explained

ANIMATED = (".gif", ".webp")
_MILLISECONDS = 90  # a frame of an animation
_STANDARD_DEVIATIONS = 3.0  # how far a sweep of normal noise goes
_MOST_IMAGES = 10_000


def write_interpolation(
    sampler: Sampler,
    out: Path,
    *,
    seed: int,
    names: Sequence[str] = (),
    rows: int = 4,
    frames: int = 8,
    scale: int = 2,
    truncation: float | None = None,
) -> None:
    """Writes images on the way from one to the next: a strip, or an animation.

    With two names or more the way leads from class to class, each row in a hand of its
    own, and the mapped label is what changes. Otherwise it leads from one noise to
    another, of one class a row.

    Args:
      sampler: any model of pictures.
      out: `.png` for a strip, `.gif` or `.webp` for an animation that returns to its start.
      seed: of the noise.
      names: the classes.
      rows: how many are shown side by side.
      frames: images from one stop to the next, at least 2.
      scale: enlargement, a whole number.
      truncation: see `lsgan_tf.noise.truncated`.

    Raises:
      UserError: for points, an unknown class, or if `out` cannot be written.
    """
    _check(sampler, out, rows * frames * max(len(names), 2))
    labels = sampler.labels(names) if names else None
    if len(names) > 1:
        made = _between_classes(sampler, labels, seed, rows, frames, truncation)
        captions = []
    else:
        made, labels = _between_noises(sampler, labels, seed, rows, frames, truncation)
        captions = [] if labels is None else [sampler.classes[label] for label in labels]
    _save(made, out, rows=captions, title="", scale=scale)


def write_sweep(
    sampler: Sampler,
    out: Path,
    *,
    seed: int,
    dimension: int,
    names: Sequence[str] = (),
    rows: int = 4,
    frames: int = 9,
    scale: int = 2,
    truncation: float | None = None,
) -> None:
    """Writes what one number of z does, all others unchanged: a strip, or an animation.

    The number goes from -1 to 1 if the noise is uniform, from -3 to 3 if it is normal.

    Args:
      sampler: any model of pictures.
      out: as `write_interpolation`.
      seed: of the other numbers.
      dimension: which number, from 0.
      names: the classes, a row each; `rows` of all classes, evenly, if empty.
      rows: how many samples, if no names are given.
      frames: how many values, at least 2.
      scale: enlargement, a whole number.
      truncation: of the other numbers.

    Raises:
      UserError: for points, an unknown class or dimension, or if `out` cannot be written.
    """
    if not 0 <= dimension < sampler.z_dim:
        raise UserError(
            f"--dimension={dimension}: the noise of this generator has {sampler.z_dim:,} numbers; "
            f"expected 0 to {sampler.z_dim - 1}"
        )
    _check(sampler, out, (len(names) or rows) * frames)
    labels = sampler.labels(names) if names else sampler.spread(rows)
    rows = len(labels) if labels is not None else rows
    z = np.repeat(sampler.noise(rows, seed, truncation), frames, axis=0)
    end = 1.0 if sampler.z_distribution == "uniform" else _STANDARD_DEVIATIONS
    z[:, dimension] = np.tile(np.linspace(-end, end, frames), rows)
    images = sampler.draw(z, None if labels is None else np.repeat(labels, frames))
    captions = [] if labels is None else [sampler.classes[label] for label in labels]
    title = f"z[{dimension}] from {-end:g} to {end:g}"
    made = images.reshape(rows, frames, *sampler.shape)
    _save(made, out, rows=captions, title=title, scale=scale)


def way(start: np.ndarray, end: np.ndarray, count: int, distribution: str) -> np.ndarray:
    """Noise on the way from one to another, both ends included.

    Uniform noise goes straight and stays in its cube. Normal noise goes along the sphere,
    because nearly all of it lies at one distance from 0 and the straight way does not.

    Args:
      start: float, `(z_dim,)`.
      end: likewise.
      count: how many, at least 2.
      distribution: "uniform" or "normal".

    Returns:
      float32, `(count, z_dim)`.
    """
    share = np.linspace(0, 1, count)[:, None]
    if distribution == "normal":
        cosine = start @ end / (np.linalg.norm(start) * np.linalg.norm(end))
        angle = np.arccos(np.clip(cosine, -1, 1))
        if angle > 1e-3:
            weights = np.sin([(1 - share) * angle, share * angle]) / np.sin(angle)
            return (weights[0] * start + weights[1] * end).astype(np.float32)
    return ((1 - share) * start + share * end).astype(np.float32)


def _between_classes(
    sampler: Sampler,
    labels: np.ndarray,
    seed: int,
    rows: int,
    frames: int,
    truncation: float | None,
) -> np.ndarray:
    """Rows of images `(rows, columns, h, w, c)`, a hand each."""
    first = np.repeat(labels[:-1], frames - 1)
    second = np.repeat(labels[1:], frames - 1)
    share = np.tile(np.arange(frames - 1) / (frames - 1), len(labels) - 1)
    first, second = np.append(first, labels[-1]), np.append(second, labels[-1])
    share = np.append(share, 0.0)
    columns = len(share)
    z = np.repeat(sampler.noise(rows, seed, truncation), columns, axis=0)
    images = sampler.between(z, np.tile(first, rows), np.tile(second, rows), np.tile(share, rows))
    return images.reshape(rows, columns, *sampler.shape)


def _between_noises(
    sampler: Sampler,
    labels: np.ndarray | None,
    seed: int,
    rows: int,
    frames: int,
    truncation: float | None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Rows of images `(rows, frames, h, w, c)`, and the label of each row if there are any."""
    ends = sampler.noise(2 * rows, seed, truncation).reshape(rows, 2, -1)
    z = np.concatenate([way(*pair, frames, sampler.z_distribution) for pair in ends])
    labels = sampler.spread(rows) if labels is None else np.repeat(labels[:1], rows)
    images = sampler.draw(z, None if labels is None else np.repeat(labels, frames))
    return images.reshape(rows, frames, *sampler.shape), labels


def _check(sampler: Sampler, out: Path, images: int) -> None:
    check_file(out)
    if out.suffix.lower() not in (".png", *ANIMATED):
        raise UserError(
            f"--out={out}: expected a name in .png for a strip, or in .gif or .webp for an "
            "animation"
        )
    if len(sampler.shape) != 3:
        raise UserError("--show: this generator makes points, no pictures; use --count and npz")
    if images > _MOST_IMAGES:
        raise UserError(
            f"--frames, --rows: {images:,} images are too many for one picture of at most "
            f"{_MOST_IMAGES:,}; give smaller numbers, or a shorter --text"
        )


def _save(made: np.ndarray, out: Path, *, rows: Sequence[str], title: str, scale: int) -> None:
    """A strip with a row each; or the same columns one after the other and back."""
    if out.suffix.lower() == ".png":
        with explained(out, "writing a picture"):
            image_grid.save_png(out, image_grid.grid(made, rows=rows, title=title, scale=scale))
        return
    there = [image_grid.grid(made[None, :, column], scale=scale) for column in range(made.shape[1])]
    pictures = [Image.fromarray(frame) for frame in there + there[-2:0:-1]]
    kind = out.suffix[1:].upper()
    if kind == "WEBP":
        options = {"lossless": True, "exif": grids.exif_origin()}
    else:
        options = {"optimize": True, "comment": SOFTWARE.encode()}
    with explained(out, "writing an animation"), atomic_file(out) as temporary:
        pictures[0].save(
            temporary,
            kind,
            save_all=True,
            append_images=pictures[1:],
            duration=_MILLISECONDS,
            loop=0,
            **options,
        )
