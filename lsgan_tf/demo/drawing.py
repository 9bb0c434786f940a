"""Drawings of the demo: an image to show, and files to download."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lsgan_tf.errors import UserError
from lsgan_tf.sampling import image_grid
from lsgan_tf.sampling.files import write_npz
from lsgan_tf.sampling.interpolation import interpolate, save_animation
from lsgan_tf.sampling.sampler import Sampler
from lsgan_tf.sampling.text import draw_text, lay_out, lines_of, wrapped

MOST_CHARACTERS = 400
MOST_FRAMES = 24
MOST_IMAGES = 100
MOST_POINTS = 5000
LARGEST_SEED = 2**31 - 1

_MOST_MORPHED = 2400  # images per morph: characters times frames
_MOST_CELLS = 10_000  # characters and blanks of all frames
_MORPHED = 4  # images per frame of a morph without text
_SHOWN_HEIGHT = 96  # height in pixels to which small images are enlarged
_TEXT = "中国人民大学的生活"


class Drawing(NamedTuple):
    """Files of one drawing.

    Attributes:
      shown: image for the page: the PNG file, or the GIF file of a morph.
      png: image of all samples.
      npz: samples and the names of their classes.
    """

    shown: Path
    png: Path
    npz: Path


def write(
    sampler: Sampler,
    folder: Path,
    text: str,
    *,
    writer: float | None,
    writers: str = "one",
    truncation: float | None = None,
    wrap: int | None = None,
) -> Drawing:
    """Write a text.

    Args:
      sampler: a model whose classes are single characters.
      folder: folder of the files.
      text: at most `MOST_CHARACTERS` characters.
      writer: seed of the noise.
      writers: a noise vector per "character", per "line", or "one" for all.
      truncation: see `lsgan_tf.noise.truncated`.
      wrap: maximum characters per line; None for no wrapping.

    Raises:
      UserError: for a character unknown to the model, or if the text is too long.
    """
    _check_size(text, wrap)
    written = draw_text(
        sampler, text, seed=_seed(writer), wrap=wrap, writers=writers, truncation=truncation
    )
    image = image_grid.grid(written.cells(), scale=_scale(sampler))
    return _save(sampler, folder / "line", image, written.images, written.names)


def morph_text(
    sampler: Sampler,
    folder: Path,
    text: str,
    *,
    first: float | None,
    second: float | None,
    frames: int,
    truncation: float | None = None,
    wrap: int | None = None,
) -> Drawing:
    """Write a text with noise interpolated between two seeds.

    The GIF is an animation of the text. The PNG is a strip with a row per frame, or with a row per
    character if there are fewer characters than frames.

    Args:
      sampler: as in `write`.
      folder: as in `write`.
      text: as in `write`.
      first: seed of the first frame's noise.
      second: seed of the last frame's noise.
      frames: number of frames, both ends included.
      truncation: as in `write`.
      wrap: as in `write`.

    Raises:
      UserError: see `write`; also if there are too many images.
    """
    _check_size(text, wrap, frames)
    lines, names = lines_of(sampler, text, wrap)
    if len(names) * frames > _MOST_MORPHED:
        raise UserError(
            f"{len(names)} characters by {frames} writers are {len(names) * frames:,} images, "
            f"expected at most {_MOST_MORPHED:,}; give a shorter text or fewer frames"
        )
    start, end = (sampler.noise(1, _seed(seed), truncation)[0] for seed in (first, second))
    z = interpolate(start, end, frames, sampler.z_distribution)
    images = sampler.draw(
        np.repeat(z, len(names), axis=0), np.tile(sampler.labels(names), frames)
    ).reshape(frames, len(names), *sampler.shape)
    scale = _scale(sampler)
    animation = [image_grid.grid(lay_out(lines, frame), scale=scale) for frame in images]
    if len(names) < frames:
        strip = image_grid.grid(images.swapaxes(0, 1), rows=names, scale=scale)
    else:
        strip = image_grid.grid(images, scale=scale)
    return _save_morph(sampler, folder, animation, strip, images, names)


def morph_images(
    sampler: Sampler,
    folder: Path,
    name: str | None,
    *,
    first: float | None,
    second: float | None,
    frames: int,
    truncation: float | None = None,
) -> Drawing:
    """Draw images with noise interpolated between two seeds, one row per noise vector.

    Args:
      sampler: any model of images.
      folder: as in `write`.
      name: the class; None for classes evenly spaced over all, or an unconditional model.
      first: seed of the noise at the start.
      second: seed of the noise at the end.
      frames: number of frames, both ends included.
      truncation: as in `write`.

    Raises:
      UserError: for an unknown class, or if the model generates points.
    """
    if len(sampler.shape) != 3:
        raise UserError("This generator makes points, so there are no images to morph.")
    labels = _labels(sampler, name, _MORPHED)
    starts, ends = (sampler.noise(_MORPHED, _seed(seed), truncation) for seed in (first, second))
    rows = zip(starts, ends, strict=True)
    z = np.concatenate(
        [interpolate(start, end, frames, sampler.z_distribution) for start, end in rows]
    )
    repeated = None if labels is None else np.repeat(labels, frames)
    images = sampler.draw(z, repeated).reshape(_MORPHED, frames, *sampler.shape)
    scale = _scale(sampler)
    animation = [image_grid.grid(images[None, :, at], scale=scale) for at in range(frames)]
    names = [] if labels is None else [sampler.classes[label] for label in labels]
    strip = image_grid.grid(images, rows=names, scale=scale)
    return _save_morph(sampler, folder, animation, strip, images.swapaxes(0, 1), names)


def draw_grid(
    sampler: Sampler,
    folder: Path,
    name: str | None,
    *,
    seed: float | None,
    count: int,
    truncation: float | None = None,
) -> Drawing:
    """Draw a grid of images of a class, or the points of the mixture.

    Args:
      sampler: any model.
      folder: as in `write`.
      name: the class; None for classes evenly spaced over all, or an unconditional model.
      seed: seed of the noise.
      count: number of images, limited to `most_images(sampler)`.
      truncation: as in `write`.

    Raises:
      UserError: for an unknown class.
    """
    count = min(max(int(count), 1), most_images(sampler))
    labels = _labels(sampler, name, count)
    images = sampler.draw(sampler.noise(count, _seed(seed), truncation), labels)
    names = [] if labels is None else [sampler.classes[label] for label in labels]
    if len(sampler.shape) == 3:
        image = image_grid.sheet(images, scale=_scale(sampler))
    else:
        limit = max(2.0, 1.1 * float(np.abs(images).max(initial=0)))
        image = image_grid.scatter(images, np.zeros((0, 2)), limit=limit)
    return _save(sampler, folder / "samples", image, images, names)


def first_text(sampler: Sampler) -> str:
    """Return an example text that the model can write."""
    known = "".join(letter for letter in _TEXT if letter in sampler.classes)
    return known if len(known) > 3 else "".join(sampler.classes[:8])


def most_images(sampler: Sampler) -> int:
    """Return the maximum count of `draw_grid`."""
    return MOST_IMAGES if len(sampler.shape) == 3 else MOST_POINTS


def _check_size(text: str, wrap: int | None, frames: int = 1) -> None:
    length = len("".join(text.split()))
    if not length:
        raise UserError("Type at least one character to write.")
    if length > MOST_CHARACTERS:
        raise UserError(
            f"The text has {length:,} characters; this page writes at most {MOST_CHARACTERS} at "
            "once (python -m lsgan_tf.sample writes longer ones)."
        )
    lines = wrapped(text, wrap)
    if len(lines) * max(map(len, lines)) * frames > _MOST_CELLS:
        raise UserError(
            f"With its blanks, the text takes {len(lines):,} lines of up to "
            f"{max(map(len, lines)):,} characters, too many for this page; shorten or wrap it."
        )


def _seed(value: float | None) -> int:
    if value is None or value != int(value) or not 0 <= value <= LARGEST_SEED:
        raise UserError(f"The writer or seed is a whole number from 0 to {LARGEST_SEED:,}.")
    return int(value)


def _labels(sampler: Sampler, name: str | None, count: int) -> np.ndarray | None:
    if name is None or not sampler.classes:
        return sampler.evenly_spaced_labels(count)
    return np.repeat(sampler.labels([name]), count)


def _scale(sampler: Sampler) -> int:
    return max(1, min(4, _SHOWN_HEIGHT // sampler.shape[0]))


def _save(
    sampler: Sampler, path: Path, image: np.ndarray, images: np.ndarray, names: Sequence[str]
) -> Drawing:
    """Write `path` with suffixes `.png` and `.npz`."""
    png, npz = path.with_suffix(".png"), path.with_suffix(".npz")
    image_grid.save_png(png, image)
    write_npz(sampler, npz, iter([images]), len(images), names)
    return Drawing(png, png, npz)


def _save_morph(
    sampler: Sampler,
    folder: Path,
    animation: Sequence[np.ndarray],
    strip: np.ndarray,
    images: np.ndarray,
    names: Sequence[str],
) -> Drawing:
    """Write an animation, its strip and its images, `(frames, n, h, w, c)`."""
    gif = folder / "morph.gif"
    save_animation(animation, gif)
    saved = _save(sampler, folder / "morph", strip, images.reshape(-1, *sampler.shape), names)
    return saved._replace(shown=gif)
