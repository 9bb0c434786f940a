"""Latent-space exploration: interpolation, and sweeps along one dimension of z."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from lsgan_tf.data.formats.not_data import SOFTWARE
from lsgan_tf.errors import UserError
from lsgan_tf.sampling import image_grid
from lsgan_tf.sampling.files import check_file
from lsgan_tf.sampling.sampler import Sampler
from lsgan_tf.util.files import atomic_file, explained

ANIMATED = (".gif", ".webp")
_MILLISECONDS = 90  # per frame of an animation
_STANDARD_DEVIATIONS = 3.0  # range of a sweep of normal noise
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
    """Write an interpolation as a strip of images or an animation.

    With two or more names, mapped labels are interpolated from class to class, with one noise
    vector per row. Otherwise, noise vectors are interpolated, with one class per row.

    Args:
      sampler: a model of images.
      out: `.png` for a strip, `.gif` or `.webp` for an animation that returns to its start.
      seed: seed of the noise.
      names: the classes.
      rows: number of rows.
      frames: number of images per interpolation, at least 2.
      scale: enlargement, an integer.
      truncation: see `lsgan_tf.noise.truncated`.

    Raises:
      UserError: for points, an unknown class, or if `out` cannot be written.
    """
    _check(sampler, out, rows * frames * max(len(names), 2))
    labels = sampler.labels(names) if names else None
    if labels is not None and len(labels) > 1:
        images = _between_classes(sampler, labels, seed, rows, frames, truncation)
        captions: list[str] = []
    else:
        images, labels = _between_noises(sampler, labels, seed, rows, frames, truncation)
        captions = [] if labels is None else [sampler.classes[label] for label in labels]
    _save(images, out, rows=captions, title="", scale=scale)


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
    """Write a sweep along one dimension of z as a strip of images or an animation.

    The sweep is from -1 to 1 for uniform noise, and from -3 to 3 for normal noise.

    Args:
      sampler: a model of images.
      out: see `write_interpolation`.
      seed: seed of the other dimensions.
      dimension: the dimension, from 0.
      names: the classes, one per row; evenly spaced over all classes if empty.
      rows: number of rows if `names` is empty.
      frames: number of values, at least 2.
      scale: enlargement, an integer.
      truncation: truncation of the other dimensions.

    Raises:
      UserError: for points, an unknown class or dimension, or if `out` cannot be written.
    """
    if not 0 <= dimension < sampler.z_dim:
        raise UserError(
            f"--dimension={dimension}: the noise of this generator has {sampler.z_dim:,} "
            f"dimensions; expected 0 to {sampler.z_dim - 1}"
        )
    _check(sampler, out, (len(names) or rows) * frames)
    labels = sampler.labels(names) if names else sampler.evenly_spaced_labels(rows)
    rows = len(labels) if labels is not None else rows
    z = np.repeat(sampler.noise(rows, seed, truncation), frames, axis=0)
    end = 1.0 if sampler.z_distribution == "uniform" else _STANDARD_DEVIATIONS
    z[:, dimension] = np.tile(np.linspace(-end, end, frames), rows)
    images = sampler.draw(z, None if labels is None else np.repeat(labels, frames))
    captions = [] if labels is None else [sampler.classes[label] for label in labels]
    title = f"z[{dimension}] from {-end:g} to {end:g}"
    images = images.reshape(rows, frames, *sampler.shape)
    _save(images, out, rows=captions, title=title, scale=scale)


def interpolate(start: np.ndarray, end: np.ndarray, count: int, distribution: str) -> np.ndarray:
    """Interpolate between two noise vectors, both included.

    The interpolation is linear for uniform noise and spherical for normal noise, whose norm is
    nearly constant in high dimensions.

    Args:
      start: float, `(z_dim,)`.
      end: float, `(z_dim,)`.
      count: number of vectors, at least 2.
      distribution: "uniform" or "normal".

    Returns:
      float32, `(count, z_dim)`.
    """
    fraction = np.linspace(0, 1, count)[:, None]
    if distribution == "normal":
        cosine = start @ end / (np.linalg.norm(start) * np.linalg.norm(end))
        angle = np.arccos(np.clip(cosine, -1, 1))
        # Between opposite vectors, as any two of length 1 may be, there is no single arc.
        if 1e-3 < angle < np.pi - 1e-3:
            weights = np.sin([(1 - fraction) * angle, fraction * angle]) / np.sin(angle)
            return (weights[0] * start + weights[1] * end).astype(np.float32)
    return ((1 - fraction) * start + fraction * end).astype(np.float32)


def _between_classes(
    sampler: Sampler,
    labels: np.ndarray,
    seed: int,
    rows: int,
    frames: int,
    truncation: float | None,
) -> np.ndarray:
    """Images `(rows, columns, h, w, c)` with one noise vector per row."""
    first = np.repeat(labels[:-1], frames - 1)
    second = np.repeat(labels[1:], frames - 1)
    fraction = np.tile(np.arange(frames - 1) / (frames - 1), len(labels) - 1)
    first, second = np.append(first, labels[-1]), np.append(second, labels[-1])
    fraction = np.append(fraction, 0.0)
    columns = len(fraction)
    z = np.repeat(sampler.noise(rows, seed, truncation), columns, axis=0)
    images = sampler.interpolate(z, *(np.tile(each, rows) for each in (first, second, fraction)))
    return images.reshape(rows, columns, *sampler.shape)


def _between_noises(
    sampler: Sampler,
    labels: np.ndarray | None,
    seed: int,
    rows: int,
    frames: int,
    truncation: float | None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Images `(rows, frames, h, w, c)`, and the label of each row if conditional."""
    ends = sampler.noise(2 * rows, seed, truncation).reshape(rows, 2, -1)
    pairs = [interpolate(start, end, frames, sampler.z_distribution) for start, end in ends]
    z = np.concatenate(pairs)
    labels = sampler.evenly_spaced_labels(rows) if labels is None else np.repeat(labels[:1], rows)
    images = sampler.draw(z, None if labels is None else np.repeat(labels, frames))
    return images.reshape(rows, frames, *sampler.shape), labels


def _check(sampler: Sampler, out: Path, images: int) -> None:
    check_file(out)
    if out.suffix.lower() not in (".png", *ANIMATED):
        raise UserError(
            f"--out={out}: expected a name ending in .png for a strip, or in .gif or .webp for an "
            "animation"
        )
    if len(sampler.shape) != 3:
        raise UserError("--show: this generator makes points, not images; use --count and npz")
    if images > _MOST_IMAGES:
        raise UserError(
            f"--frames, --rows: {images:,} images are too many for one file of at most "
            f"{_MOST_IMAGES:,}; give smaller numbers, or a shorter --text"
        )


def _save(images: np.ndarray, out: Path, *, rows: Sequence[str], title: str, scale: int) -> None:
    """Save a strip, or an animation of its columns."""
    if out.suffix.lower() == ".png":
        with explained(out, "writing an image"):
            image_grid.save_png(out, image_grid.grid(images, rows=rows, title=title, scale=scale))
        return
    columns = range(images.shape[1])
    forth = [image_grid.grid(images[None, :, column], scale=scale) for column in columns]
    save_animation(forth, out)


def save_animation(forth: Sequence[np.ndarray], out: Path) -> None:
    """Save frames as an endless animation, played forward and backward.

    Args:
      forth: the frames, uint8 `(height, width, 3)`, at least one.
      out: the file, `.gif` or `.webp`.
    """
    frames = [Image.fromarray(frame) for frame in [*forth, *forth[-2:0:-1]]]
    kind = out.suffix[1:].upper()
    if kind == "WEBP":
        options = {"lossless": True, "exif": image_grid.exif_origin()}
    else:
        options = {"optimize": True, "comment": SOFTWARE.encode()}
    with explained(out, "writing an animation"), atomic_file(out) as temporary:
        frames[0].save(
            temporary,
            kind,
            save_all=True,
            append_images=frames[1:],
            duration=_MILLISECONDS,
            loop=0,
            **options,
        )
