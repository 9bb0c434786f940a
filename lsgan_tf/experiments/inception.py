"""Inception Score of LSGAN and DCGAN on CIFAR-10 (section 4.3.1, table 1)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lsgan_tf.experiments.common.evaluations import compare, evaluate, last_and_best
from lsgan_tf.experiments.common.experiment import Arm, Conclusion, Experiment, Run, config_of
from lsgan_tf.metrics.inception.file import ARCHIVE, GRAPH
from lsgan_tf.util.files import default_cache_dir
from lsgan_tf.util.paths import optional

_CLAIMS = """
With the same network, LSGAN's Inception Score on CIFAR-10 is comparable to DCGAN's; each number is
the mean over ten trained models, of 50,000 samples each. The layers and the number of steps are
unpublished: here it is the DCGAN network at 32x32 and 50,000 steps. The only number of the table
quoted in other sources is DCGAN's as its own authors reported it, 6.16.
"""
_METRICS, _SAMPLES = "judge_score,judge_frechet", 50_000
_COLUMNS = {
    "is": "Inception Score, last",
    "best_is": "the same, best",
    "fid": "FID, last",
    "judge_score": "score with the judge, last",
    "best_judge_score": "the same, best",
    "judge_frechet": "Fréchet distance (judge), last",
}


def arms() -> list[Arm]:
    """Make an arm for each preset."""
    kept = ("--checkpoint_every=5000", "--keep_checkpoints=10")
    return [
        Arm(name, title, (f"--preset=cifar10_{name}", *kept))
        for name, title in (("dcgan", "DCGAN"), ("lsgan", "LSGAN"))
    ]


def after(run: Run) -> list[tuple[str, ...]]:
    """Evaluate all checkpoints on 50,000 samples, with Inception if available."""
    folder = (optional(config_of(run.arm.flags).cache_dir) or default_cache_dir()) / "inception"
    available = any((folder / name).is_file() for name in (ARCHIVE, GRAPH))
    return [evaluate(run, _METRICS + ",is,fid" * available, samples=_SAMPLES)]


def conclude(runs: Sequence[Run], out: Path) -> Conclusion:
    """Compare both losses, and name the network that scored them."""
    done = [run for run in runs if run.status == "finished"]
    found = compare(done, _COLUMNS)
    if not found:
        return Conclusion("Not both losses have a finished run yet.")
    canonical = any("is" in run.metrics for run in done)
    by = (
        "Scored by the Inception graph of 2015-12-05, ten parts."
        if canonical
        else "Scored by the judge, a classifier trained here on CIFAR-10, **not** by Inception: "
        "these scores are not comparable with published ones. To use the Inception graph, put "
        f"{ARCHIVE} into the cache folder's `inception/`."
    )
    return Conclusion(f"{by}\n\n{found}")


EXPERIMENT = Experiment(
    name="inception",
    title="The score of LSGAN and DCGAN on CIFAR-10",
    claims=_CLAIMS,
    arms=arms,
    seeds=10,
    scales={
        "full": (),
        "small": (
            "--filters=32", "--steps=3000", "--checkpoint_every=1000",
        ),
    },
    after=after,
    measure=last_and_best,
    conclude=conclude,
    columns=_COLUMNS,
)  # fmt: skip
