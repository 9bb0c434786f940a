"""Plots and numbers of the paper's section 3, with small discriminators only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lsgan_tf.experiments.common.experiment import Conclusion, Experiment, Run
from lsgan_tf.util.tensorflow_setup import import_tensorflow

_CLAIMS = """
- Figure 2, section 3.2: the sigmoid cross entropy is flat for fakes far on the right side of the
  decision boundary and gives G next to no gradient there; least squares is flat at one point only.
- Figure 1: so least squares moves such fakes towards the boundary, and with it towards the data.
- Equation 5: for a fixed G the optimal discriminator is (b p_d + a p_g) / (p_d + p_g).
- Equations 6 to 9: with b - c = 1 and b - a = 2, G's objective at that optimum is half the Pearson
  chi-square divergence between p_d + p_g and 2 p_g. 0, 1, 1 does not fulfil this.
"""


def conclude(runs: Sequence[Run], out: Path) -> Conclusion:
    """Compute everything and draw the plots; there are no runs."""
    import_tensorflow()
    from lsgan_tf.experiments.theory.report import report

    return report(out)


EXPERIMENT = Experiment(
    name="theory",
    title="Theory: where the losses put their gradient, and what they minimise",
    claims=_CLAIMS,
    conclude=conclude,
)
