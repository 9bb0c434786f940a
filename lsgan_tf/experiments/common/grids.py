"""Sample grids of several arms side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from lsgan_tf.experiments.common import samples
from lsgan_tf.experiments.common.experiment import Figure, Run
from lsgan_tf.sampling import image_grid

_COLUMNS = 8
_GAP = 8


def group_by_arm(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Group runs by arm, keyed by the arm's description."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.arm.about, []).append(run)
    return found


def save_grids(
    runs: Sequence[Run],
    out: Path,
    rows: Sequence[Sequence[str]],
    *,
    shown: int,
    verdict: Callable[[Run], str] = lambda run: "",
) -> list[Figure]:
    """Write an image for each seed with samples of all arms side by side.

    With several seeds, the first image has one row of samples of each seed.

    Args:
      runs: finished runs with samples (`samples.draw`).
      out: folder of the images.
      rows: names of the arms in each row of an image; arms without runs are left out.
      shown: number of samples per run, eight in a row.
      verdict: returns text about a run for the title.
    """
    seeds = sorted({run.seed for run in runs})
    wanted = [(f"grids-seed{seed}.png", f"Seed {seed}.", [seed], shown) for seed in seeds]
    if len(seeds) > 1:
        listed = ", ".join(str(seed) for seed in seeds)
        wanted.insert(0, ("grids.png", f"A row for each of the seeds {listed}.", seeds, _COLUMNS))
    figures = []
    for file, caption, of_these, count in wanted:
        blocks = []
        for row in rows:
            settings = [[run for run in runs if run.arm.name == name] for name in row]
            here = [[run for run in mine if run.seed in of_these] for mine in settings]
            blocks.append([_block(mine, count, verdict) for mine in here if mine])
        image_grid.save_png(out / file, side_by_side([row for row in blocks if row]))
        figures.append(Figure(file, caption))
    return figures


def _block(runs: Sequence[Run], each: int, verdict: Callable[[Run], str]) -> np.ndarray:
    """Arrange `each` samples of every run of an arm, titled by its name and verdicts."""
    runs = sorted(runs, key=lambda run: run.seed)
    images = np.concatenate([samples.read(run)[0][:each] for run in runs])
    verdicts = "; ".join(text for run in runs if (text := verdict(run)))
    title = runs[0].arm.about + (f": {verdicts}" if verdicts else "")
    scale = image_grid.display_scale(images.shape[1])
    return block(images, _COLUMNS, title=title, scale=scale)


def block(images: np.ndarray, columns: int, *, title: str = "", scale: int = 1) -> np.ndarray:
    """Arrange images in full rows of `columns`, dropping the rest: uint8, `(height, width, 3)`."""
    rows = len(images) // columns
    shaped = images[: rows * columns].reshape(rows, columns, *images.shape[1:])
    return image_grid.grid(shaped, title=title, scale=scale)


def side_by_side(blocks: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Arrange images in cells of the size of the largest.

    Args:
      blocks: rows of images, uint8 `(height, width, 3)`; rows may differ in length.

    Returns:
      uint8, `(height, width, 3)`.
    """
    every = [image for row in blocks for image in row]
    height, width = (max(image.shape[axis] for image in every) for axis in (0, 1))
    columns = max(len(row) for row in blocks)
    canvas = np.full(
        (len(blocks) * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3), 255, np.uint8
    )
    for i, row in enumerate(blocks):
        for j, image in enumerate(row):
            y, x = i * (height + _GAP), j * (width + _GAP)
            canvas[y : y + image.shape[0], x : x + image.shape[1]] = image
    return canvas
