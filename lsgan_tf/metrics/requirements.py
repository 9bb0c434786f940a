"""Numbers of examples and kinds of data that metrics require."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lsgan_tf.errors import UserError
from lsgan_tf.metrics import inception_score, prdc
from lsgan_tf.metrics.features import Extractor
from lsgan_tf.metrics.real import Splits
from lsgan_tf.metrics.registry import METRICS, extractor_of, fewest_for

if TYPE_CHECKING:
    from lsgan_tf.config import Config


MOST_BY_DEFAULT = 10_000
_MOST_FOR_CAS = 50_000
_FOR_A_COVARIANCE = 4  # times the number of features


def default_samples(names: Sequence[str], splits: Splits) -> int:
    """Return the default number of samples.

    The number of held-out real examples, so that values that depend on the number are comparable,
    but at most 10,000. If these are too few for a Fréchet distance, four times the feature
    dimension. For "usefulness" at least the number of training examples, up to 50,000.

    Args:
      names: names of the metrics.
      splits: the real examples.
    """
    samples = min(len(splits.test), MOST_BY_DEFAULT)
    needed = max(map(fewest_for, names), default=0)
    if samples <= needed:
        samples = _FOR_A_COVARIANCE * needed
    if "usefulness" in names:
        samples = max(samples, min(len(splits.train), _MOST_FOR_CAS))
    return samples


def check_counts(names: Sequence[str], fewest: int) -> None:
    """Check that there are enough examples for the metrics.

    Args:
      names: names of the metrics.
      fewest: the smallest number of samples, training or held-out examples.

    Raises:
      UserError: naming the metric.
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
                f"--metrics={name}: requires at least {needed[name]} samples and as many real "
                f"examples, there are {fewest}; increase --samples or use more data"
            )


def check_dims(
    names: Sequence[str], extractors: Mapping[str, Extractor], samples: int, reals: int
) -> None:
    """Check that the covariances of Fréchet distances are not singular.

    Args:
      names: names of the metrics.
      extractors: extractors of the features, by kind.
      samples: number of samples.
      reals: number of real examples.

    Raises:
      UserError: suggesting the kernel distance.
    """
    for name in filter(fewest_for, names):
        dim = extractors[extractor_of(name)].dim
        for count, what in ((samples, "samples"), (reals, "real examples")):
            if count <= dim:
                other = name.replace("fid", "kid").replace("frechet", "kid")
                raise UserError(
                    f"--metrics={name}: the covariance of {dim:,} features requires more "
                    f"than {dim:,} {what}, there are {count:,}; increase --samples, or use "
                    f"{other}, which is unbiased for few examples"
                )


def check_metrics(names: Sequence[str], config: Config) -> None:
    """Check that the metrics apply to a run.

    Args:
      names: names of the metrics.
      config: the config of the run, with the dataset's metadata filled in.

    Raises:
      UserError: if a metric requires labels, classes or images that the run does not have.
    """
    for name in names:
        metric = METRICS[name]
        points = config.dataset == "mixture"
        if points != (name == "mixture"):
            fitting = "mixture" if points else "others"
            raise UserError(
                f"--metrics={name}: does not fit --dataset={config.dataset}; use {fitting}"
            )
        if name == "ocr" and config.dataset not in ("hwdb", "images", "tfds"):
            raise UserError(
                "--metrics=ocr: recognises Chinese characters, which the classes of "
                f"--dataset={config.dataset} are not; use judge"
            )
        if metric.extractor == "judge" and config.data_classes < 2:
            has = "one class only" if config.data_classes else "no labels"
            raise UserError(
                f"--metrics={name}: the judge is a classifier, and "
                f"{config.data_dir or config.dataset} has {has}; use fid, kid or prdc"
            )
        if metric.needs_labels and not config.conditional:
            raise UserError(
                f"--metrics={name}: requires samples of given classes, and this run was trained "
                "without --conditional; use judge_score, judge_frechet or judge_prdc"
            )


def default_metrics(config: Config) -> tuple[str, ...]:
    """Return the default metrics of a run: those that its labels and number of examples allow."""
    if config.dataset == "mixture":
        return ("mixture",)
    names: tuple[str, ...]
    if config.data_classes < 2:
        names = ("fid", "kid", "prdc")
    else:
        names = ("judge_frechet", "judge_score", "judge_kid", "judge_prdc")
        names = ("judge", *names, "diversity") if config.conditional else names
    # Samples may be compared with nine in ten examples only.
    reals = config.data_length * 9 // 10
    return tuple(name for name in names if not fewest_for(name) or reals > fewest_for(name))
