"""What several experiments conclude alike: a table by setting, and a picture for each seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from lsgan_tf.experiments.common import samples
from lsgan_tf.experiments.common.experiment import Figure, Run
from lsgan_tf.sampling import image_grid

_COLUMNS = 8
_GAP = 8


def by_setting(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs of each arm, seeds together, arms in their order; keys tell what an arm is."""
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
    """Writes a picture for each seed: samples of all settings, side by side.

    Where there are several seeds, a picture with one row of samples of each comes first.

    Args:
      runs: finished ones whose samples are drawn (`samples.draw`).
      out: folder of the pictures.
      rows: rows of the pictures, by the names of arms; what has no run is left out.
      shown: how many samples of each are shown, eight in a row.
      verdict: what stands of a run above its samples, behind the setting.
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
    """Samples of a setting, `each` of every run, below its name and the verdicts in order."""
    runs = sorted(runs, key=lambda run: run.seed)
    images = np.concatenate([samples.read(run)[0][:each] for run in runs])
    said = "; ".join(text for run in runs if (text := verdict(run)))
    title = runs[0].arm.about + (f": {said}" if said else "")
    scale = enlargement(images.shape[1])
    return block(images, _COLUMNS, title=title, scale=scale)


def block(images: np.ndarray, columns: int, *, title: str = "", scale: int = 1) -> np.ndarray:
    """Images in rows of `columns`, what is over is left out: uint8, `(height, width, 3)`."""
    rows = len(images) // columns
    shaped = images[: rows * columns].reshape(rows, columns, *images.shape[1:])
    return image_grid.grid(shaped, title=title, scale=scale)


def side_by_side(blocks: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Pictures in rows and columns, each as large as the largest.

    Args:
      blocks: rows of pictures, uint8 `(height, width, 3)`; rows may differ in length.

    Returns:
      uint8, `(height, width, 3)`.
    """
    every = [picture for row in blocks for picture in row]
    height, width = (max(picture.shape[axis] for picture in every) for axis in (0, 1))
    columns = max(len(row) for row in blocks)
    canvas = np.full(
        (len(blocks) * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3), 255, np.uint8
    )
    for i, row in enumerate(blocks):
        for j, picture in enumerate(row):
            y, x = i * (height + _GAP), j * (width + _GAP)
            canvas[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return canvas


def enlargement(side: int) -> int:
    """How many times an image of so many pixels is enlarged, to be seen."""
    return 2 if side < 48 else 1
