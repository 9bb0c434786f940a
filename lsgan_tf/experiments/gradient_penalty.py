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
trains seven architectures on LSUN bedroom at 64x64. Six of them are here; the residual networks of
101 layers are not. Its authors' settings: weight 150 beside sums over 64 (2.34 here), perturbations
of up to 30, layer normalisation in D, Adam with 0.0001, 0.5 and 0.9.
"""
_FLAGS = "--flagfile=flags/lsgan_gp_bedroom.flags"
_WITHOUT = ("--gradient_penalty=0", "--nodiscriminator_layer_norm", "--discriminator_batch_norm")
_BARE = ("--nogenerator_batch_norm", "--nodiscriminator_layer_norm", "--nodiscriminator_batch_norm")
_NETWORKS = {
    "dcgan": ("DCGAN", ()),
    "constant": (
        "no normalisation and constant width in G",
        ("--nogenerator_batch_norm", "--constant_filters"),
    ),
    "mlp": ("perceptron G", ("--network=mlp",)),
    "bare": ("no normalisation", _BARE),
    "gated": ("gated", ("--nonlinearity=gated",)),
    "tanh": ("tanh", ("--nonlinearity=tanh",)),
}


def arms() -> list[Arm]:
    """Six pairs of networks, with the penalty and without; there D is normalised by batch."""
    made = []
    for name, (about, words) in _NETWORKS.items():
        made += [
            Arm(f"{name}-gp", f"{about}, penalty", (_FLAGS, *words)),
            Arm(name, f"{about}, no penalty", (_FLAGS, *_WITHOUT, *words)),
        ]
    return made


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
    """With the penalty at the left, a row for each pair of networks."""
    rows = []
    for name in _NETWORKS:
        row = []
        for run in done:
            if run.arm.name in (name, f"{name}-gp"):
                images, _ = samples.read(run)
                scale = pictures.enlargement(images.shape[1])
                title = f"{run.arm.about}: {label_of(run)}"
                row.append(pictures.block(images[:32], 8, title=title, scale=scale))
        if row:
            rows.append(row)
    return pictures.side_by_side(rows)


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
