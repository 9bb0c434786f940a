"""How many examples measures need."""

from __future__ import annotations

from collections.abc import Sequence

from lsgan_tf.errors import UserError
from lsgan_tf.metrics import inception_score, prdc
from lsgan_tf.metrics.features import Extractor
from lsgan_tf.metrics.real import Splits
from lsgan_tf.metrics.registry import fewest_for

MOST_BY_DEFAULT = 10_000
_MOST_TO_TEACH = 50_000
_FOR_A_COVARIANCE = 4  # times the number of features


def default_samples(names: Sequence[str], splits: Splits) -> int:
    """How many samples are measured unless the user says.

    As many as there are held-out real examples, so that figures that depend on the number
    can be compared with theirs, and 10,000 at most. More where too few are held out for a
    Fréchet distance: four times the features. To teach, as many as training examples,
    50,000 at most.

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
        "judge_kid": 2,
        "prdc": prdc.NEIGHBOURS + 1,
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
