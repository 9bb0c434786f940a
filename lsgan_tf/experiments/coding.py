"""Comparison of the least-squares targets 0, 1, 1 and -1, 1, 0."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lsgan_tf.experiments.common.evaluations import compare, evaluate, last_and_best
from lsgan_tf.experiments.common.experiment import Arm, Conclusion, Experiment, Run, config_of

_CLAIMS = """
The ICCV paper (section 3.2.3) finds that a, b, c = -1, 1, 0, which minimises the Pearson
chi-square, and 0, 1, 1, with which G makes samples as real as possible, perform similarly, and uses
the second. The sequel (TPAMI 2019) reports better results with the first.
"""
_CODINGS = {"lsgan-011": (0, 1, 1), "lsgan-110": (-1, 1, 0)}
_SMALL = ("--steps=3000", "--checkpoint_every=1000")
_METRICS = "judge_score,judge_frechet,judge_prdc"
_COLUMNS = {
    "judge_frechet": "Fréchet distance (judge), last",
    "best_judge_frechet": "the same, best",
    "judge_score": "score (judge), last",
    "judge_recall": "recall, last",
    "judge_top1": "accuracy of the judge, last",
}


def arms() -> list[Arm]:
    """Make an arm for each coding."""
    common = (
        *("--loss=lsgan", "--steps=50000", "--checkpoint_every=5000", "--keep_checkpoints=10"),
        *("--z_dim=1024", "--ema_decay=0"),
    )
    return [
        Arm(
            name,
            f"{a}, {b}, {c}",
            (*common, f"--label_fake={a}", f"--label_real={b}", f"--label_target={c}"),
        )
        for name, (a, b, c) in _CODINGS.items()
    ]


def after(run: Run) -> list[tuple[str, ...]]:
    """Evaluate all checkpoints, with the labels if conditional."""
    conditional = config_of(run.arm.flags).conditional
    return [evaluate(run, _METRICS + ",judge,diversity" * conditional)]


def conclude(runs: Sequence[Run], out: Path) -> Conclusion:
    """Compare the metrics of both codings."""
    done = [run for run in runs if run.status == "finished"]
    found = compare(done, _COLUMNS)
    return Conclusion(
        f"{found}\n\nDifferences below two standard errors are not significant." if found else
        "Not both codings have a finished run yet."
    )  # fmt: skip


EXPERIMENT = Experiment(
    name="coding",
    title="The codings 0, 1, 1 and -1, 1, 0",
    claims=_CLAIMS,
    arms=arms,
    seeds=3,
    variants={
        "cifar10": ("--dataset=cifar10",),
        "hwdb": ("--dataset=hwdb", "--conditional"),
    },
    scales={
        "full": (),
        "small": {
            "cifar10": ("--filters=32", *_SMALL),
            "hwdb": ("--width=0.25", *_SMALL),
        },
    },
    after=after,
    measure=last_and_best,
    conclude=conclude,
    columns=_COLUMNS,
)
