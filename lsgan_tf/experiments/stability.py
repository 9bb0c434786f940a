"""Without batch normalisation: which of eight settings still train (section 4.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lsgan_tf import grids
from lsgan_tf.experiments import pictures, samples
from lsgan_tf.experiments.page import table
from lsgan_tf.experiments.plan import Arm, Experiment, Figure, Measures, Outcome, Run
from lsgan_tf.experiments.stability_rule import COLLAPSE, GOOD, RULE, SOME, judge

_SAYS = """
On LSUN bedroom at 64x64, with batch normalisation left out of G (BN_G) or of both (BN_GD):

| setting | LSGAN | regular GAN |
| --- | --- | --- |
| BN_G, Adam | relatively good in 5 of 10 runs | in none of 10; severe collapse |
| BN_G, RMSProp | relatively good | relatively good |
| BN_GD, Adam | slight collapse | slight collapse |
| BN_GD, RMSProp | higher quality | slight collapse |

and RMSProp is more stable than Adam. Learning rate 0.0002 throughout. Coding 0, 1, 1 here, but
-1, 1, 0 for BN_GD with RMSProp, as in the authors' code; the other combinations are published
nowhere. The number of steps is not in the paper either: 100,000 here.
"""
_COMMON = ("--network=dcgan", "--z_dim=1024", "--learning_rate=0.0002")
_NO_NORM = {
    "bn_g": ("--nogenerator_batch_norm",),
    "bn_gd": ("--nogenerator_batch_norm", "--nodiscriminator_batch_norm"),
}
_LOSSES = {"lsgan": "LSGAN", "nsgan": "regular GAN"}
_CHI = ("--label_fake=-1", "--label_real=1", "--label_target=0")
_COUNT = 2000
_SHOWN = 32


def arms() -> list[Arm]:
    """Two networks, two optimisers, two losses."""
    made = []
    for norm, without in _NO_NORM.items():
        for optimizer in ("adam", "rmsprop"):
            for loss, title in _LOSSES.items():
                words = (*_COMMON, *without, f"--optimizer={optimizer}", f"--loss={loss}")
                if (norm, optimizer, loss) == ("bn_gd", "rmsprop", "lsgan"):
                    words += _CHI
                name = {"adam": "Adam", "rmsprop": "RMSProp"}[optimizer]
                about = f"{norm.upper()}, {name}, {title}"
                made.append(Arm(f"{norm}-{optimizer}-{loss}", about, words))
    return made


def after(run: Run) -> list[tuple[str, ...]]:
    """Draws the samples that the rule looks at."""
    return [samples.draw(run, _COUNT)]


def measure(run: Run) -> Measures:
    """Diversity, coverage, and the rule's verdict as 0 (collapse), 1 (some) or 2 (good)."""
    made, _ = samples.read(run)
    verdict = judge(made, samples.reals(run.path, len(made)))
    return {
        "diversity": verdict.diversity,
        "coverage": verdict.coverage,
        "grade": float((COLLAPSE, SOME, GOOD).index(verdict.label)),
    }


def label_of(run: Run) -> str:
    """The rule's verdict on a measured run."""
    return (COLLAPSE, SOME, GOOD)[int(run.measures["grade"])]


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
    heads = ["setting", GOOD, SOME, COLLAPSE]
    figures = []
    for seed in sorted({run.seed for run in done}):
        path = f"grids-seed{seed}.png"
        grids.save_png(out / path, _picture([run for run in done if run.seed == seed]))
        figures.append(Figure(path, f"All settings, seed {seed}, with the rule's verdict."))
    return Outcome(f"{RULE.strip()}\n\nSeeds by verdict:\n\n{table(heads, rows)}", figures)


def _picture(done: Sequence[Run]) -> np.ndarray:
    """LSGAN at the left, the regular GAN at the right, a row for each network and optimiser."""
    by_name = {run.arm.name: run for run in done}
    blocks = []
    for left in (arm.name for arm in arms() if arm.name.endswith("-lsgan")):
        row = []
        for name in (left, left.replace("-lsgan", "-nsgan")):
            if name in by_name:
                run = by_name[name]
                made, _ = samples.read(run)
                title = f"{run.arm.about}: {label_of(run)}"
                scale = pictures.enlargement(made.shape[1])
                row.append(pictures.block(made[:_SHOWN], 8, title=title, scale=scale))
        if row:
            blocks.append(row)
    return pictures.side_by_side(blocks)


EXPERIMENT = Experiment(
    name="stability",
    title="Without batch normalisation",
    says=_SAYS,
    arms=arms,
    seeds=3,
    scales={
        "full": ("--dataset=lsun", "--category=bedroom", "--image_size=64", "--steps=100000"),
        "small": ("--dataset=cifar10", "--filters=32", "--steps=3000"),
        "small_hwdb": ("--dataset=hwdb", "--image_size=32", "--filters=32", "--steps=3000"),
    },
    after=after,
    measure=measure,
    conclude=conclude,
    columns={"diversity": "diversity", "coverage": "coverage", "grade": "verdict (0 to 2)"},
)
