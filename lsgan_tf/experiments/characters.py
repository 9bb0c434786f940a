"""Handwritten Chinese characters beside printed ones (the last figure)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lsgan_tf.experiments.common import samples
from lsgan_tf.experiments.common.evaluations import evaluate, last_and_best
from lsgan_tf.experiments.common.experiment import Arm, Conclusion, Experiment, Figure, Run
from lsgan_tf.run_dir.folder import load_classes
from lsgan_tf.sampling import image_grid

_CLAIMS = """
The conditional model of section 3.4, trained on the 3,740 characters of HWDB1.0, generates
readable characters in different handwriting (the last figure, samples beside printed characters).
The paper's figure is judged by eye and so is this one. It gives no number of steps; its authors'
code stops at 1,000,000.
"""
_ROWS, _COLUMNS = 20, 10


def shown(classes: Sequence[str]) -> list[str]:
    """Return up to 20 classes, evenly spaced in label order."""
    places = np.linspace(0, len(classes) - 1, min(_ROWS, len(classes))).astype(int)
    return [classes[place] for place in places]


def after(run: Run) -> list[tuple[str, ...]]:
    """Draw ten samples of each character shown, and evaluate all checkpoints."""
    names = shown(load_classes(run.path))
    of_characters = all(len(name) == 1 for name in names)
    text = ("" if of_characters else ",").join(names)
    drawn = samples.draw(run, _COLUMNS * len(names), text)
    return [drawn, evaluate(run, "judge,diversity")]


def conclude(runs: Sequence[Run], out: Path) -> Conclusion:
    """Draw the grids."""
    done = [run for run in runs if run.status == "finished"]
    figures = []
    for run in done:
        path = f"characters-seed{run.seed}.png"
        image_grid.save_png(out / path, image_of(run))
        figures.append(Figure(path, f"Seed {run.seed}: printed characters at the left."))
    if not figures:
        return Conclusion("No run is finished yet.")
    real = done[0].metrics
    return Conclusion(
        "The judge is a classifier trained here on the real training set; its accuracy on real "
        f"held-out characters is {real['real_judge_top1']:.1%}. Diversity is the mean distance of "
        "two samples of a character divided by that of two real ones.",
        figures,
    )


def image_of(run: Run) -> np.ndarray:
    """Draw a row per character, the printed one at its left: uint8, `(height, width, 3)`."""
    images, names = samples.read(run)
    rows = list(dict.fromkeys(names))
    # The classes were drawn in turn.
    shaped = images.reshape(-1, len(rows), *images.shape[1:]).swapaxes(0, 1)
    return image_grid.grid(shaped, rows=rows, scale=2)


EXPERIMENT = Experiment(
    name="characters",
    title="Handwritten Chinese characters",
    claims=_CLAIMS,
    arms=lambda: [Arm("hwdb", "the conditional model", ())],
    scales={
        "full": ("--preset=hwdb",),
        "small": ("--preset=hwdb_quick",),
    },
    after=after,
    measure=last_and_best,
    conclude=conclude,
    columns={
        "judge_top1": "accuracy of the judge, last",
        "best_judge_top1": "the same, best checkpoint",
        "real_judge_top1": "the same, real characters",
        "diversity_ratio": "diversity, last",
    },
)
