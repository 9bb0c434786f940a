"""Numerical checks of the paper's theory: loss gradients, trained and optimal discriminators."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from lsgan_tf.losses import Objective, optimal_discriminator, pearson_chi_square

CODINGS = {"-1, 1, 0": (-1.0, 1.0, 0.0), "0, 1, 1": (0.0, 1.0, 1.0)}
"""a, b, c by their name in tables; the first fulfils b - c = 1 and b - a = 2."""

GRID = np.linspace(-12.0, 12.0, 4801)
"""Points at which densities are evaluated."""

_SPACING = float(GRID[1] - GRID[0])


def normal_density(x: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    """Return the density of a normal distribution at `x`."""
    return np.exp(-0.5 * ((x - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))


def data_density(x: np.ndarray) -> np.ndarray:
    """Return the example's p_d at `x`: a mixture of two normal distributions."""
    return 0.6 * normal_density(x, -1.5, 0.6) + 0.4 * normal_density(x, 1.5, 0.9)


def data_points(count: int, random: np.random.Generator) -> np.ndarray:
    """Sample from `data_density`: float32, `(count, 1)`."""
    left = random.random(count) < 0.6
    points = np.where(left, random.normal(-1.5, 0.6, count), random.normal(1.5, 0.9, count))
    return points[:, None].astype(np.float32)


def slopes(objective: Objective, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return G's cost of one fake and its derivative with respect to the score.

    Args:
      objective: the objective.
      scores: float, `(n,)`.

    Returns:
      Costs and derivatives, float64, `(n,)` each.
    """
    fakes = tf.constant(scores, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(fakes)
        costs = tf.map_fn(lambda score: objective.generator(score[None]), fakes)
    return costs.numpy(), tape.gradient(costs, fakes).numpy()


def train_discriminator(
    objective: Objective,
    real: np.ndarray,
    fake: np.ndarray,
    *,
    hidden: tuple[int, ...] = (64, 64),
    steps: int = 3000,
    batch: int = 2048,
    seed: int = 0,
) -> keras.Model:
    """Train D on fixed reals and fakes.

    Args:
      objective: the objective, whose discriminator loss is minimised.
      real: float32, `(n, dim)`.
      fake: float32, `(m, dim)`.
      hidden: units of the hidden layers; D is linear without any.
      steps: number of updates, over which the learning rate decays to 0.
      batch: number of reals and of fakes per update.
      seed: seed of weights and batches.

    Returns:
      D, which maps `(n, dim)` to scores `(n, 1)`.
    """
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Dense(units, activation="tanh") for units in hidden]
    d = keras.Sequential([keras.Input(real.shape[1:]), *layers, keras.layers.Dense(1)])
    rate = keras.optimizers.schedules.CosineDecay(1e-2, steps)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(d.trainable_variables)
    real, fake = tf.constant(real), tf.constant(fake)

    @tf.function
    def train() -> None:
        for step in tf.range(steps):
            batches = [
                tf.gather(
                    points,
                    tf.random.stateless_uniform(
                        (batch,), (seed + number, step), 0, len(points), tf.int32
                    ),
                )
                for number, points in ((0, real), (1 << 20, fake))
            ]
            with tf.GradientTape() as tape:
                loss = objective.discriminator(*(d(points) for points in batches))
            optimizer.apply(tape.gradient(loss, d.trainable_variables), d.trainable_variables)

    train()
    return d


class Trained(NamedTuple):
    """A trained discriminator and the optimal one.

    Attributes:
      found: scores of the trained discriminator on `GRID`.
      optimal: (b p_d + a p_g) / (p_d + p_g) on `GRID`.
      error: root mean square of the difference, weighted by p_d + p_g.
    """

    found: np.ndarray
    optimal: np.ndarray
    error: float


def compare_with_optimum(
    objective: Objective, a: float, b: float, *, steps: int = 3000, count: int = 200_000
) -> Trained:
    """Train D on samples of two known densities and compare it with the paper's equation 5.

    Args:
      objective: least squares with `a` and `b`.
      a: target for fakes.
      b: target for reals.
      steps: number of updates of D.
      count: number of samples of each density.
    """
    random = np.random.default_rng(0)
    p_d, p_g = data_density(GRID), normal_density(GRID, 0.8, 1.0)
    fake = random.normal(0.8, 1.0, (count, 1)).astype(np.float32)
    d = train_discriminator(objective, data_points(count, random), fake, steps=steps)
    found = d(GRID[:, None].astype(np.float32)).numpy()[:, 0].astype(np.float64)
    weight = (p_d + p_g) / (p_d + p_g).sum()
    optimal = np.asarray(optimal_discriminator(p_d, p_g, a=a, b=b))
    return Trained(found, optimal, float(np.sqrt((weight * (found - optimal) ** 2).sum())))


def generator_cost(p_d: np.ndarray, p_g: np.ndarray, a: float, b: float, c: float) -> float:
    """Compute C(G), the cost of G for the optimal D, equation 6.

    1/2 E_pd[(D* - c)^2] + 1/2 E_pg[(D* - c)^2], integrated on `GRID`.
    """
    optimal = np.asarray(optimal_discriminator(p_d, p_g, a=a, b=b))
    return float(0.5 * ((p_d + p_g) * (optimal - c) ** 2).sum() * _SPACING)


def half_chi_square(p_d: np.ndarray, p_g: np.ndarray) -> float:
    """Compute half the Pearson chi-square divergence of p_d + p_g and 2 p_g on `GRID`."""
    return 0.5 * float(pearson_chi_square(p_d + p_g, 2 * p_g, _SPACING))
