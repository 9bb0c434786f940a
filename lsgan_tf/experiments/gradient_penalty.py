"""The gradient penalty with and without normalisation (LSGANs-GP, TPAMI 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lsgan_tf.experiments.common.experiment import Arm, Conclusion, Experiment, Run
from lsgan_tf.experiments.stability import after, measure, verdicts

_CLAIMS = """
The sequel (TPAMI 2019) adds a gradient penalty around the data (LSGANs-GP) and reports that it
trains seven architectures on LSUN bedroom at 64x64. Six of them are here; the residual network of
101 layers is not. The authors' settings: weight 150 for losses summed over 64 (2.34 here),
perturbations of up to 30, layer normalisation in D, Adam with 0.0001, 0.5 and 0.9.
"""
_FLAGS = "--preset=lsgan_gp_bedroom"
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
    """Make two arms per network: with the penalty, and with batch normalisation instead."""
    made = []
    for name, (about, flags) in _NETWORKS.items():
        made += [
            Arm(f"{name}-gp", f"{about}, penalty", (_FLAGS, *flags)),
            Arm(name, f"{about}, no penalty", (_FLAGS, *_WITHOUT, *flags)),
        ]
    return made


def conclude(runs: Sequence[Run], out: Path) -> Conclusion:
    """Count the grades and arrange the grids side by side, with the penalty at the left."""
    return verdicts(runs, out, [(f"{name}-gp", name) for name in _NETWORKS])


EXPERIMENT = Experiment(
    name="gradient_penalty",
    title="The gradient penalty",
    claims=_CLAIMS,
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
