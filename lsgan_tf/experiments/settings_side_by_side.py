"""What several experiments conclude alike: a table by setting, and a picture for each seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from lsgan_tf import grids
from lsgan_tf.experiments import pictures, samples
from lsgan_tf.experiments.plan import Figure, Run

_COLUMNS = 8


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
    title: Callable[[Run], str],
    about: str,
) -> list[Figure]:
    """Writes a picture for each seed: samples of all settings, side by side.

    Args:
      runs: finished ones whose samples are drawn (`samples.draw`).
      out: folder of the pictures.
      rows: rows of the picture, by the names of arms; what has no run is left out.
      shown: how many samples of each are shown, eight in a row.
      title: what stands above a run's samples.
      about: what is said of each picture after its seed.
    """
    figures = []
    for seed in sorted({run.seed for run in runs}):
        mine = {run.arm.name: run for run in runs if run.seed == seed}
        blocks = []
        for row in rows:
            here = [mine[name] for name in row if name in mine]
            if here:
                blocks.append([_block(run, shown, title(run)) for run in here])
        path = f"grids-seed{seed}.png"
        grids.save_png(out / path, pictures.side_by_side(blocks))
        figures.append(Figure(path, f"Seed {seed}, {about}"))
    return figures


def _block(run: Run, shown: int, title: str) -> np.ndarray:
    images, _ = samples.read(run)
    scale = pictures.enlargement(images.shape[1])
    return pictures.block(images[:shown], _COLUMNS, title=title, scale=scale)
