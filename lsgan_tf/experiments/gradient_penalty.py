"""Does the gradient penalty train networks without normalisation (LSGANs-GP, TPAMI 2019)?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lsgan_tf import grids
from lsgan_tf.experiments import pictures, samples
from lsgan_tf.experiments.page import table
from lsgan_tf.experiments.plan import Arm, Experiment, Figure, Outcome, Run
from lsgan_tf.experiments.stability import after, label_of, measure
from lsgan_tf.experiments.stability_rule import COLLAPSE, GOOD, RULE, SOME

_SAYS = """
The sequel (TPAMI 2019) adds a gradient penalty around the data (LSGANs-GP) and reports that it
trains seven architectures on LSUN bedroom at 64x64, DCGAN's and one without any normalisation
among them. Its authors' settings: weight 150 beside sums over 64 (2.34 here), perturbations of up
to 30, layer normalisation in D, Adam with 0.0001, 0.5 and 0.9.
"""
_FLAGS = "--flagfile=flags/lsgan_gp_bedroom.flags"
_OFF = "--gradient_penalty=0"
_BARE = ("--nogenerator_batch_norm", "--nodiscriminator_layer_norm")
_BATCH = ("--nodiscriminator_layer_norm", "--discriminator_batch_norm")
_ARMS = {
    "dcgan-gp": ("DCGAN, penalty", ()),
    "dcgan": ("DCGAN, no penalty", (_OFF, *_BATCH)),
    "bare-gp": ("no normalisation, penalty", _BARE),
    "bare": ("no normalisation, no penalty", (_OFF, *_BARE)),
}


def arms() -> list[Arm]:
    """Two networks, with and without the penalty."""
    return [Arm(name, about, (_FLAGS, *words)) for name, (about, words) in _ARMS.items()]


def conclude(runs: Sequence[Run], out: Path) -> Outcome:
    """Counts the verdicts and puts the grids side by side."""
    done = [run for run in runs if run.status == "finished"]
    if not done:
        return Outcome("No run is finished yet.")
    rows = []
    for name in dict.fromkeys(run.arm.name for run in done):
        mine = [run for run in done if run.arm.name == name]
        count = Counter(label_of(run) for run in mine)
        rows.append([mine[0].arm.about, *(str(count[key]) for key in (GOOD, SOME, COLLAPSE))])
    figures = []
    for seed in sorted({run.seed for run in done}):
        path = f"grids-seed{seed}.png"
        grids.save_png(out / path, _picture([run for run in done if run.seed == seed]))
        figures.append(Figure(path, f"Seed {seed}, with the rule's verdict."))
    heads = ["setting", GOOD, SOME, COLLAPSE]
    return Outcome(f"{RULE.strip()}\n\nSeeds by verdict:\n\n{table(heads, rows)}", figures)


def _picture(done: Sequence[Run]) -> np.ndarray:
    """With the penalty at the left, a row for each network."""
    made = []
    for run in done:
        images, _ = samples.read(run)
        scale = pictures.enlargement(images.shape[1])
        title = f"{run.arm.about}: {label_of(run)}"
        made.append(pictures.block(images[:32], 8, title=title, scale=scale))
    return pictures.side_by_side([made[start : start + 2] for start in range(0, len(made), 2)])


EXPERIMENT = Experiment(
    name="gradient_penalty",
    title="The gradient penalty",
    says=_SAYS,
    arms=arms,
    seeds=3,
    scales={
        "full": ("--steps=100000",),
        "small": ("--dataset=cifar10", "--image_size=32", "--filters=32", "--steps=3000"),
    },
    after=after,
    measure=measure,
    conclude=conclude,
    columns={"diversity": "diversity", "coverage": "coverage", "grade": "verdict (0 to 2)"},
)
