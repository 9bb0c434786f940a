"""How many examples measures need."""

from __future__ import annotations

from collections.abc import Sequence

from lsgan_tf.errors import UserError
from lsgan_tf.metrics import inception_score, prdc
from lsgan_tf.metrics.features import Extractor


def check_counts(names: Sequence[str], fewest: int) -> None:
    """Refuses measures that so few examples cannot give.

    Args:
      names: of measures.
      fewest: the smaller of the numbers of samples and of real examples.

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
