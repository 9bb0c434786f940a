"""How many examples measures need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lsgan_tf.errors import UserError
from lsgan_tf.metrics import inception_score, prdc
from lsgan_tf.metrics.features import Extractor
from lsgan_tf.metrics.real import Splits
from lsgan_tf.metrics.registry import METRICS, fewest_for

if TYPE_CHECKING:
    from lsgan_tf.config import Config


MOST_BY_DEFAULT = 10_000
_MOST_TO_TEACH = 50_000
_FOR_A_COVARIANCE = 4  # times the number of features


def default_samples(names: Sequence[str], splits: Splits) -> int:
    """How many samples are measured unless the user says.

    As many as there are held-out real examples, so that figures that depend on the number can be
    compared with theirs, and 10,000 at most. More where too few are held out for a Fréchet
    distance: four times the features. To teach, as many as training examples, 50,000 at most.

    Args:
      names: of measures.
      splits: the real examples.
    """
    samples = min(len(splits.test), MOST_BY_DEFAULT)
    needed = max(map(fewest_for, names), default=0)
    if samples <= needed:
        samples = _FOR_A_COVARIANCE * needed
    if "usefulness" in names:
        samples = max(samples, min(len(splits.train), _MOST_TO_TEACH))
    return samples


def check_counts(names: Sequence[str], fewest: int) -> None:
    """Refuses measures that so few examples cannot give.

    Args:
      names: of measures.
      fewest: the least of the numbers of samples and of real examples of either kind.

    Raises:
      UserError: naming the measure.
    """
    needed = {
        "is": inception_score.SPLITS,
        "judge_score": inception_score.SPLITS,
        "kid": 2,
        "pixel_kid": 2,
        "judge_kid": 2,
        "prdc": prdc.NEIGHBOURS + 1,
        "pixel_prdc": prdc.NEIGHBOURS + 1,
        "judge_prdc": prdc.NEIGHBOURS + 1,
    }
    for name in names:
        if fewest < needed.get(name, 1):
            raise UserError(
                f"--metrics={name}: needs at least {needed[name]} samples and as many real "
                f"examples, there are {fewest}; give more --samples or more data"
            )


def check_dim(name: str, extractor: Extractor, samples: int, reals: int) -> None:
    """Refuses a Fréchet distance whose covariances would be singular.

    Args:
      name: of the measure.
      extractor: whose features.
      samples: how many generated examples.
      reals: how many real ones.

    Raises:
      UserError: suggesting the kernel distance.
    """
    for count, what in ((samples, "samples"), (reals, "real examples")):
        if count <= extractor.dim:
            other = name.replace("fid", "kid").replace("frechet", "kid")
            raise UserError(
                f"--metrics={name}: the covariance of {extractor.dim:,} features needs more than "
                f"{extractor.dim:,} {what}, there are {count:,}; give more --samples, or ask for "
                f"{other}, which is unbiased with few"
            )


def check_metrics(names: Sequence[str], config: Config) -> None:
    """Refuses measures that cannot be had of a run.

    Args:
      names: of measures.
      config: the run's, with the dataset's facts filled in.

    Raises:
      UserError: if one needs labels, classes or pictures that the run does not have.
    """
    for name in names:
        metric = METRICS[name]
        points = config.dataset == "mixture"
        if points != (name == "mixture"):
            fitting = "mixture" if points else "others"
            raise UserError(
                f"--metrics={name}: does not fit --dataset={config.dataset}; ask for {fitting}"
            )
        if name == "ocr" and config.dataset not in ("hwdb", "images", "tfds"):
            raise UserError(
                "--metrics=ocr: reads Chinese characters, and the classes of "
                f"--dataset={config.dataset} are not such; ask for judge"
            )
        if metric.extractor == "judge" and config.data_classes < 2:
            has = "one class only" if config.data_classes else "no labels"
            raise UserError(
                f"--metrics={name}: the judge learns to tell classes apart, and "
                f"{config.data_dir or config.dataset} has {has}; ask for fid, kid or prdc"
            )
        if metric.needs_labels and not config.conditional:
            raise UserError(
                f"--metrics={name}: needs samples of given classes, and this run was trained "
                "without --conditional; ask for judge_score, judge_frechet or judge_prdc"
            )


def default_metrics(config: Config) -> tuple[str, ...]:
    """What can be had of a run in minutes and without a download, if anything can."""
    if config.dataset == "mixture":
        return ("mixture",)
    if config.data_classes < 2:
        names = ("fid", "kid", "prdc")
    else:
        names = ("judge_frechet", "judge_score", "judge_kid", "judge_prdc")
        names = ("judge", *names, "diversity") if config.conditional else names
    # Nine in ten examples may be all that samples are compared with.
    reals = config.data_length * 9 // 10
    return tuple(name for name in names if not fewest_for(name) or reals > fewest_for(name))
