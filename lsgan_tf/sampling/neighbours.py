"""Nearest real neighbours of samples, to detect memorisation."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lsgan_tf.data.source import Source
from lsgan_tf.errors import UserError
from lsgan_tf.sampling import image_grid
from lsgan_tf.sampling.class_names import spell_out
from lsgan_tf.sampling.files import check_file
from lsgan_tf.sampling.sampler import Sampler
from lsgan_tf.sampling.training_data import config_of, reopen_source
from lsgan_tf.settings import fingerprints
from lsgan_tf.util.files import explained
from lsgan_tf.util.progress import Progress

_BATCH_VALUES = 1 << 23  # pixels of reals read at once
_REFERENCE = 64  # number of reals whose own nearest neighbours are found for comparison


class Nearest(NamedTuple):
    """The nearest real examples of images, nearest first.

    Attributes:
      indices: int64, `(n, k)`.
      distance: float32, `(n, k)`: root mean square difference of pixels, 0 to 1.
    """

    indices: np.ndarray
    distance: np.ndarray


def nearest(queries: np.ndarray, source: Source, k: int, exclude: np.ndarray) -> Nearest:
    """Find the nearest real examples by exhaustive search.

    Args:
      queries: uint8, `(n, height, width, channels)`.
      source: the real examples.
      k: number of neighbours.
      exclude: index of a real example to skip for each query (itself); -1 for none.
    """
    pixels = queries[0].size
    flat = queries.reshape(len(queries), pixels).astype(np.float32) / 255
    squares = (flat**2).sum(axis=1, keepdims=True)
    best: np.ndarray = np.full((len(queries), k), np.inf, np.float32)
    where: np.ndarray = np.full((len(queries), k), -1, np.int64)
    batch = max(1, _BATCH_VALUES // pixels)
    with Progress("comparing with reals", total=len(source), unit="images") as progress:
        for start in range(0, len(source), batch):
            indices = np.arange(start, min(start + batch, len(source)))
            reals = source.read(indices).reshape(len(indices), pixels).astype(np.float32) / 255
            found = squares - 2 * flat @ reals.T + (reals**2).sum(axis=1)
            found[exclude[:, None] == indices] = np.inf
            both = np.concatenate([best, found], axis=1)
            indices = np.broadcast_to(indices, found.shape)
            kept = np.argsort(both, axis=1, kind="stable")[:, :k]
            where = np.take_along_axis(np.concatenate([where, indices], axis=1), kept, axis=1)
            best = np.take_along_axis(both, kept, axis=1)
            progress.add(len(reals))
    return Nearest(where, np.sqrt(np.maximum(best, 0) / pixels))


def write_neighbours(
    sampler: Sampler,
    out: Path,
    *,
    seed: int,
    names: Sequence[str] = (),
    count: int = 8,
    k: int = 8,
    scale: int = 2,
    truncation: float | None = None,
    data_dir: str | None = None,
    cache_dir: str | None = None,
) -> str:
    """Write an image with a row for each sample: the sample and its nearest real examples.

    Args:
      sampler: a model of images.
      out: a `.png` file.
      seed: seed of the noise.
      names: classes to draw, repeated in turn; evenly spaced over all classes if empty.
      count: number of samples.
      k: number of real examples for each.
      scale: enlargement, an integer.
      truncation: see `lsgan_tf.noise.truncated`.
      data_dir: folder of the training data; that of the run if None.
      cache_dir: cache folder; that of the run if None.

    Returns:
      A line that compares the distances of samples to reals with those among the reals.

    Raises:
      UserError: for points, if the data is missing or not the run's, or if `out` cannot be
        written.
    """
    check_file(out)
    if out.suffix.lower() != ".png":
        raise UserError(f"--out={out}: expected a name ending in .png")
    if len(sampler.shape) != 3:
        raise UserError("--show: this generator makes points, not images; use --count and npz")
    source = _source(sampler, data_dir, cache_dir)
    same = fingerprints.same(source.fingerprint, sampler.config["data_fingerprint"])
    k = min(k, len(source) - 1)
    if k < 1:
        raise UserError(f"--data_dir: {source.description}: expected two examples or more")
    turn = np.resize(sampler.labels(names), count) if names else sampler.evenly_spaced_labels(count)
    samples = sampler.draw(sampler.noise(count, seed, truncation), turn)
    chosen = np.unique(np.linspace(0, len(source) - 1, _REFERENCE).astype(np.int64))
    # Samples and reference reals in one pass over the data, since reading dominates.
    queries = np.concatenate([samples, source.read(chosen)])
    itself = np.concatenate([np.full(count, -1), chosen])
    all_found = nearest(queries, source, k, exclude=itself)
    found = Nearest(all_found.indices[:count], all_found.distance[:count])
    near = float(np.median(found.distance[:, 0]))
    usual = float(np.median(all_found.distance[count:, 0]))
    reals = source.read(found.indices.ravel()).reshape(count, k, *sampler.shape)
    cells = np.concatenate([samples[:, None], reals], axis=1)
    captions = [["sample", *(f"{value:.3f}" for value in row)] for row in found.distance]
    image = image_grid.grid(
        cells,
        rows=[] if turn is None else [sampler.classes[label] for label in turn],
        title=f"nearest reals; median {near:.3f}, reals among themselves {usual:.3f}",
        scale=scale,
        below=captions,
    )
    with explained(out, "writing an image"):
        image_grid.save_png(out, image)
    own = _own_class(source, found, turn)
    return (
        f"distance to the nearest of {len(source):,} reals (root mean square of pixels, 0 to 1): "
        f"median {near:.3f} for {count} samples, {usual:.3f} among the reals themselves; smallest "
        f"for a sample {found.distance[:, 0].min():.3f}{own}"
        f"{'' if same else '; NOTE: this is not the training data'}"
    )


def _own_class(source: Source, found: Nearest, labels: np.ndarray | None) -> str:
    """Describe how many samples have a nearest real example of the same class."""
    if labels is None:
        return ""
    own = int((source.labels(found.indices[:, 0]) == labels).sum())
    return f"; for {own} of {len(labels)} samples the nearest is of the same class"


def _source(sampler: Sampler, data_dir: str | None, cache_dir: str | None) -> Source:
    """Open the training data of the generator."""
    config = config_of(sampler.config, sampler.path)
    config = dataclasses.replace(
        config,
        data_dir=config.data_dir if data_dir is None else data_dir,
        cache_dir=config.cache_dir if cache_dir is None else cache_dir,
    )
    source = reopen_source(config)
    if tuple(source.shape) != sampler.shape or (
        sampler.classes and list(source.classes) != sampler.classes
    ):
        shown = ", ".join(spell_out(name) for name in source.classes[:3])
        raise UserError(
            f"--data_dir: {source.description or source.name} has images of "
            f"{source.shape} and classes {shown or 'none'}...; this generator was trained on "
            f"{sampler.config.get('data_description') or 'other data'}; give that data"
        )
    return source
