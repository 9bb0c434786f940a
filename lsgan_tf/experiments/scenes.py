"""Scenes: grids of the five LSUN categories (figures 4 and 5)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lsgan_tf.experiments.common import samples
from lsgan_tf.experiments.common.experiment import Arm, Conclusion, Experiment, Figure, Run
from lsgan_tf.experiments.common.grids import block
from lsgan_tf.sampling import image_grid

_CLAIMS = """
Figures 4 and 5 show 112x112 samples of five LSUN categories, bedroom, church, dining room,
kitchen and conference room, which the paper finds of higher quality than DCGAN's and EBGAN's.
Judged by eye there and here. Quality fluctuates during training; the paper chose checkpoints by
hand, these grids are of the last one.
"""
_CATEGORIES = ("bedroom", "church_outdoor", "dining_room", "kitchen", "conference_room")
_COUNT, _COLUMNS = 40, 8


def arms() -> list[Arm]:
    """Make an arm with the preset of each category."""
    return [Arm(name, name.replace("_", " "), (f"--preset=lsun_{name}",)) for name in _CATEGORIES]


def after(run: Run) -> list[tuple[str, ...]]:
    """Draw the samples of a grid."""
    return [samples.draw(run, _COUNT)]


def conclude(runs: Sequence[Run], out: Path) -> Conclusion:
    """Draw a grid per category and seed."""
    figures = []
    for run in runs:
        if run.status != "finished":
            continue
        images, _ = samples.read(run)
        scale = image_grid.display_scale(images.shape[1])
        path = f"{run.name}.png"
        image_grid.save_png(out / path, block(images, _COLUMNS, scale=scale))
        figures.append(Figure(path, f"{run.arm.about}, seed {run.seed}"))
    return Conclusion("" if figures else "No run is finished yet.", figures)


EXPERIMENT = Experiment(
    name="scenes",
    title="Scenes of five LSUN categories",
    claims=_CLAIMS,
    arms=arms,
    scales={"full": (), "small": ("--image_size=32", "--steps=3000")},
    after=after,
    conclude=conclude,
)
