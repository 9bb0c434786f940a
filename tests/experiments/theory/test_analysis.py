"""Numerical checks of the paper's equations."""

from __future__ import annotations

import numpy as np
import pytest

from lsgan_tf.experiments.theory import analysis as theory
from lsgan_tf.losses import objective

P_D = theory.data_density(theory.GRID)


def test_densities_integrate_to_one():
    spacing = theory.GRID[1] - theory.GRID[0]
    assert P_D.sum() * spacing == pytest.approx(1)
    points = theory.data_points(50_000, np.random.default_rng(0))
    assert points.mean() == pytest.approx((theory.GRID * P_D).sum() * spacing, abs=0.03)


def test_far_on_the_right_side_cross_entropy_is_flat_and_least_squares_is_not():
    scores = np.array([-4.0, 0.0, 1.0, 8.0])
    _, least_squares = theory.slopes(objective("lsgan"), scores)
    _, cross_entropy = theory.slopes(objective("nsgan"), scores)
    np.testing.assert_allclose(least_squares, scores - 1)
    np.testing.assert_allclose(cross_entropy, -1 / (1 + np.exp(scores)))
    assert abs(cross_entropy[-1]) < 1e-3 < 7 == least_squares[-1]


@pytest.mark.parametrize("mean", [-3.0, 0.0, 1.0, 4.0])
@pytest.mark.parametrize("deviation", [0.5, 2.0])
def test_half_chi_square_is_the_objective_under_the_papers_condition(mean, deviation):
    p_g = theory.normal_density(theory.GRID, mean, deviation)
    half = theory.half_chi_square(P_D, p_g)
    assert theory.generator_cost(P_D, p_g, -1, 1, 0) == pytest.approx(half, rel=1e-9)
    # Any other numbers with b - c = 1 and b - a = 2.
    assert theory.generator_cost(P_D, p_g, 0.5, 2.5, 1.5) == pytest.approx(half, rel=1e-9)
    assert abs(theory.generator_cost(P_D, p_g, 0, 1, 1) - half) > 0.05


def test_at_the_datas_own_density():
    assert theory.half_chi_square(P_D, P_D) == pytest.approx(0, abs=1e-12)
    assert theory.generator_cost(P_D, P_D, -1, 1, 0) == pytest.approx(0, abs=1e-12)
    # D* is 1/2 everywhere: 1/2 times 2 times (1/2 - 1)^2.
    assert theory.generator_cost(P_D, P_D, 0, 1, 1) == pytest.approx(0.25)


def test_training_finds_the_optimal_discriminator():
    loss = objective("lsgan", a=-1, b=1, c=0)
    found = theory.compare_with_optimum(loss, -1, 1, steps=600, count=20_000)
    assert found.error < 0.06
    assert np.abs(found.optimal).max() <= 1
    # It is not the best for other targets.
    assert np.abs(found.found[np.abs(theory.GRID) < 2] - 0.5).mean() > 0.3
