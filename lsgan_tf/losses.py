"""GAN objectives as pure functions of scores.

Scores are raw outputs of the discriminator, without a sigmoid, for all objectives. All objectives
are means over the batch and are minimised. Equation numbers refer to Mao et al., *Least Squares
Generative Adversarial Networks*, ICCV 2017.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from lsgan_tf.errors import UserError

Tensor = Any


def lsgan_discriminator(real: Tensor, fake: Tensor, *, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Least squares loss of D, equation 2: 1/2 E[(D(x) - b)^2] + 1/2 E[(D(G(z)) - a)^2].

    Args:
      real: scores D(x) of reals, float32, any shape.
      fake: scores D(G(z)) of fakes, float32, any shape.
      a: target for fakes.
      b: target for reals.

    Returns:
      A float32 scalar, at least 0.
    """
    return 0.5 * ops.mean(ops.square(real - b)) + 0.5 * ops.mean(ops.square(fake - a))


def lsgan_generator(fake: Tensor, *, c: float = 1.0) -> Tensor:
    """Least squares loss of G, equation 2: 1/2 E[(D(G(z)) - c)^2].

    Args:
      fake: scores D(G(z)), float32, any shape.
      c: target of G for the scores of fakes.

    Returns:
      A float32 scalar, at least 0.
    """
    return 0.5 * ops.mean(ops.square(fake - c))


def cross_entropy_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Cross-entropy loss of D, equation 1: -E[log s(D(x))] - E[log(1 - s(D(G(z))))].

    The sigmoid s is folded into the logarithms for numerical stability.
    """
    return ops.mean(ops.softplus(-real)) + ops.mean(ops.softplus(fake))


def non_saturating_generator(fake: Tensor) -> Tensor:
    """Non-saturating cross-entropy loss of G: -E[log s(D(G(z)))]."""
    return ops.mean(ops.softplus(-fake))


def minimax_generator(fake: Tensor) -> Tensor:
    """Minimax cross-entropy loss of G, equation 1: E[log(1 - s(D(G(z))))], at most 0."""
    return -ops.mean(ops.softplus(fake))


@keras.saving.register_keras_serializable(package="lsgan_tf")
@dataclasses.dataclass(frozen=True)
class Objective:
    """The losses of a GAN.

    Attributes:
      discriminator: (scores of reals, scores of fakes) -> scalar.
      generator: scores of fakes -> scalar.
      arguments: arguments of `objective` if it was created by that function, else None.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    arguments: Mapping[str, Any] | None = None

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `objective`, or both functions serialised.

        Raises:
          UserError: if the functions are neither those of `objective` nor registered with Keras.
        """
        if self.arguments is not None:
            return dict(self.arguments)
        functions = {"discriminator": self.discriminator, "generator": self.generator}
        for function in functions.values():
            # Partial functions have no name, and cannot be registered.
            name = getattr(function, "__name__", None)
            if name is None or keras.saving.get_registered_name(function) == name:
                raise UserError(
                    "the objective has functions of your own, which Keras cannot save; decorate "
                    "both with @keras.saving.register_keras_serializable(), or save the networks: "
                    "gan.generator.save('generator.keras')"
                )
        return {n: keras.saving.serialize_keras_object(f) for n, f in functions.items()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Objective:
        """Create an objective from the result of `get_config`."""
        if "name" in config:
            return objective(**config)
        return cls(**{n: keras.saving.deserialize_keras_object(f) for n, f in config.items()})


def objective(name: str, *, a: float = 0.0, b: float = 1.0, c: float = 1.0) -> Objective:
    """Return an objective by name.

    Args:
      name: "lsgan", "nsgan" (non-saturating cross entropy) or "mmgan" (minimax).
      a: target for fakes ("lsgan").
      b: target for reals ("lsgan").
      c: target of G ("lsgan").

    Raises:
      ValueError: if the name is unknown.
    """
    given = {"name": name, "a": a, "b": b, "c": c}
    if name == "lsgan":
        return Objective(
            lambda real, fake: lsgan_discriminator(real, fake, a=a, b=b),
            lambda fake: lsgan_generator(fake, c=c),
            given,
        )
    if name == "nsgan":
        return Objective(cross_entropy_discriminator, non_saturating_generator, given)
    if name == "mmgan":
        return Objective(cross_entropy_discriminator, minimax_generator, given)
    raise ValueError(f"Expected lsgan, nsgan or mmgan. Received: {name!r}")


def optimal_discriminator(p_d: Tensor, p_g: Tensor, *, a: float, b: float) -> Tensor:
    """Return the optimal discriminator of the least squares loss for a fixed G.

    D*(x) = (b p_d(x) + a p_g(x)) / (p_d(x) + p_g(x)).

    Args:
      p_d: density of the data, at least 0; nowhere both 0 with `p_g`.
      p_g: density of the fakes, same shape.
      a: target for fakes.
      b: target for reals.
    """
    return (b * p_d + a * p_g) / (p_d + p_g)


def pearson_chi_square(p: Tensor, q: Tensor, dx: float) -> Tensor:
    """Pearson chi-square divergence, chi2(p || q), on a grid: sum (q - p)^2 / p dx.

    With p = p_d + p_g and q = 2 p_g it equals 2 C(G) if b - c = 1 and b - a = 2, where C(G) is the
    loss of G at the optimal D, 1/2 E_pd[(D* - c)^2] + 1/2 E_pg[(D* - c)^2].

    Args:
      p: density, greater than 0, on a uniform grid.
      q: density on the same grid.
      dx: spacing (or cell volume) of the grid.
    """
    return ops.sum(ops.square(q - p) / p) * dx
