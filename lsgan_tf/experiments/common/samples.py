"""Samples of trained runs, and real images for comparison."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsgan_tf.data import open_source
from lsgan_tf.errors import UserError
from lsgan_tf.experiments.common.experiment import Run
from lsgan_tf.run_dir.folder import load_config
from lsgan_tf.sampling import npz
from lsgan_tf.util.files import explained

_FILE = "samples.npz"
_LARGEST = 8 << 30


def draw(run: Run, count: int, text: str = "") -> tuple[str, ...]:
    """Return the command that draws samples of a run, cycling through the classes in `text`."""
    command = ("sample", f"--run_dir={run.path}", f"--count={count}", f"--out={run.path / _FILE}")
    return (*command, f"--text={text}") if text else command


def read(run: Run) -> tuple[np.ndarray, list[str]]:
    """Read the samples, uint8 `(n, height, width, channels)`, and the names of their classes.

    Raises:
      UserError: if they are missing or damaged.
    """
    return read_set(run.path / _FILE)


def read_set(path: Path) -> tuple[np.ndarray, list[str]]:
    """Read a set of samples in `.npz`; see `read`.

    Raises:
      UserError: if it is missing or damaged.
    """
    try:
        with explained(path, "reading the samples"):
            arrays = npz.read(path, _LARGEST)
        images = arrays["images"]
        names = [str(name) for name in arrays["chars"] if name]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a set of samples in .npz ({error})") from error
    images = images[..., None] if images.ndim == 3 else images
    if images.ndim != 4 or images.dtype != np.uint8 or images.shape[-1] not in (1, 3):
        raise UserError(
            f"{path}: expected images, uint8 (n, height, width) or (n, height, width, 3), found "
            f"{images.dtype} {images.shape}"
        )
    return images, names


def reals(path: Path, count: int) -> np.ndarray:
    """Return real training images of a run, evenly spaced: uint8, `(count, h, w, channels)`."""
    source = open_source(load_config(path))
    return source.read(np.linspace(0, len(source) - 1, count).astype(np.int64))
