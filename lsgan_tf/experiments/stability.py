"""Stability without batch normalisation, in eight settings (section 4.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lsgan_tf.experiments.common import samples
from lsgan_tf.experiments.common.collapse_grade import COLLAPSE, GOOD, RULE, SOME, judge
from lsgan_tf.experiments.common.experiment import Arm, Conclusion, Experiment, Metrics, Run
from lsgan_tf.experiments.common.grids import group_by_arm, save_grids
from lsgan_tf.experiments.common.page import table

_CLAIMS = """
On LSUN bedroom at 64x64, without batch normalisation in G (BN_G) or in both networks (BN_GD):

| setting | LSGAN | regular GAN |
| --- | --- | --- |
| BN_G, Adam | relatively good in 5 of 10 runs | in none of 10; severe collapse |
| BN_G, RMSProp | relatively good | relatively good |
| BN_GD, Adam | slight collapse | slight collapse |
| BN_GD, RMSProp | higher quality | slight collapse |

and RMSProp is more stable than Adam. Learning rate 0.0002 throughout. Coding 0, 1, 1 here, but
-1, 1, 0 for BN_GD with RMSProp, as in the authors' code; the other combinations are unpublished.
So is the number of steps: 100,000 here.
"""
_COMMON = ("--network=dcgan", "--z_dim=1024", "--learning_rate=0.0002", "--ema_decay=0")
_CLOSE = ("--label_fake=0", "--label_real=1", "--label_target=1")
_NO_NORM = {
    "bn_g": ("--nogenerator_batch_norm",),
    "bn_gd": ("--nogenerator_batch_norm", "--nodiscriminator_batch_norm"),
}
_LOSSES = {"lsgan": "LSGAN", "nsgan": "regular GAN"}
_CHI = ("--label_fake=-1", "--label_real=1", "--label_target=0")
# A quarter of the channels needs weights twice as large: without normalisation, activations scale
# with the weights' standard deviation times the square root of the fan-in.
_SMALL = ("--filters=16", "--weight_sd=0.04", "--steps=3000")
_COUNT = 2000
_SHOWN = 32


def arms() -> list[Arm]:
    """Make an arm for each network, optimiser and loss."""
    made = []
    for norm, without in _NO_NORM.items():
        for optimizer in ("adam", "rmsprop"):
            for loss, title in _LOSSES.items():
                flags = (*_COMMON, *_CLOSE, *without, f"--optimizer={optimizer}", f"--loss={loss}")
                if (norm, optimizer, loss) == ("bn_gd", "rmsprop", "lsgan"):
                    flags += _CHI
                name = {"adam": "Adam", "rmsprop": "RMSProp"}[optimizer]
                about = f"{norm.upper()}, {name}, {title}"
                made.append(Arm(f"{norm}-{optimizer}-{loss}", about, flags))
    return made


def after(run: Run) -> list[tuple[str, ...]]:
    """Draw the samples to grade."""
    return [samples.draw(run, _COUNT)]


def measure(run: Run) -> Metrics:
    """Return diversity, coverage, and the grade as 0 (collapse), 1 (some) or 2 (good)."""
    made, _ = samples.read(run)
    verdict = judge(made, samples.reals(run.path, len(made)))
    return {
        "diversity": verdict.diversity,
        "coverage": verdict.coverage,
        "grade": float((COLLAPSE, SOME, GOOD).index(verdict.label)),
    }


def label_of(run: Run) -> str:
    """Return the grade of a run."""
    grade = run.metrics["grade"]
    assert grade is not None  # set by `measure`
    return (COLLAPSE, SOME, GOOD)[int(grade)]


def conclude(runs: Sequence[Run], out: Path) -> Conclusion:
    """Count the grades and arrange the grids side by side, LSGAN at the left."""
    lsgans = [arm.name for arm in arms() if arm.name.endswith("-lsgan")]
    return verdicts(runs, out, [(name, name.replace("-lsgan", "-nsgan")) for name in lsgans])


def verdicts(runs: Sequence[Run], out: Path, rows: Sequence[Sequence[str]]) -> Conclusion:
    """Count the grades by arm, and write an image for each seed.

    Args:
      runs: runs of any status.
      out: folder of the images.
      rows: names of the arms in each row of an image.
    """
    done = [run for run in runs if run.status == "finished"]
    if not done:
        return Conclusion("No run is finished yet.")
    heads = ["setting", GOOD, SOME, COLLAPSE]
    counts = []
    for about, mine in group_by_arm(done).items():
        count = Counter(label_of(run) for run in mine)
        counts.append([about, *(str(count[key]) for key in heads[1:])])
    figures = save_grids(
        done,
        out,
        rows,
        shown=_SHOWN,
        verdict=label_of,
    )
    return Conclusion(f"{RULE.strip()}\n\nSeeds by verdict:\n\n{table(heads, counts)}", figures)


EXPERIMENT = Experiment(
    name="stability",
    title="Without batch normalisation",
    claims=_CLAIMS,
    arms=arms,
    seeds=3,
    scales={
        "full": ("--dataset=lsun", "--category=bedroom", "--image_size=64", "--steps=100000"),
        "small": ("--dataset=cifar10", *_SMALL),
        "small_hwdb": ("--dataset=hwdb", "--image_size=32", *_SMALL),
    },
    after=after,
    measure=measure,
    conclude=conclude,
    columns={"diversity": "diversity", "coverage": "coverage", "grade": "verdict (0 to 2)"},
)
