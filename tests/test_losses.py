from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from lsgan_tf import losses

pytestmark = pytest.mark.fast

REAL = np.array([0.5, 2.0, -1.0], np.float32)
FAKE = np.array([0.0, 1.5, -0.5, 3.0], np.float32)
CODINGS = [(0.0, 1.0, 1.0), (-1.0, 1.0, 0.0), (0.3, -2.0, 5.0)]


def number(tensor) -> float:
    return float(np.asarray(tensor))


def test_least_squares_by_hand():
    # D: (0.25 + 1 + 4) / 6 for the reals against 1; fakes against 0: (0 + 2.25 + 0.25 + 9) / 8.
    assert number(losses.lsgan_discriminator(REAL, FAKE)) == pytest.approx(0.875 + 1.4375)
    # G: (1 + 0.25 + 2.25 + 4) / 8 against 1.
    assert number(losses.lsgan_generator(FAKE)) == pytest.approx(0.9375)


def test_least_squares_of_the_other_coding_by_hand():
    # D: reals as before; fakes against -1: (1 + 6.25 + 0.25 + 16) / 8. G against 0: 11.5 / 8.
    assert number(losses.lsgan_discriminator(REAL, FAKE, a=-1, b=1)) == pytest.approx(
        0.875 + 2.9375
    )
    assert number(losses.lsgan_generator(FAKE, c=0)) == pytest.approx(1.4375)


def test_cross_entropies_by_hand():
    # At a score of 0 the sigmoid is 1/2; at log 3 it is 3/4.
    zero, three = np.zeros(2, np.float32), np.full(2, math.log(3), np.float32)
    assert number(losses.cross_entropy_discriminator(zero, zero)) == pytest.approx(2 * math.log(2))
    assert number(losses.cross_entropy_discriminator(three, three)) == pytest.approx(
        -math.log(0.75) - math.log(0.25)
    )
    assert number(losses.non_saturating_generator(three)) == pytest.approx(-math.log(0.75))
    assert number(losses.minimax_generator(three)) == pytest.approx(math.log(0.25))


@pytest.mark.parametrize("name", ["nsgan", "mmgan"])
def test_cross_entropy_agrees_with_its_definition(name):
    def sigmoid(x):
        return 1 / (1 + np.exp(-x.astype(np.float64)))

    found = losses.objective(name)
    expected = -np.mean(np.log(sigmoid(REAL))) - np.mean(np.log(1 - sigmoid(FAKE)))
    assert number(found.discriminator(REAL, FAKE)) == pytest.approx(expected, rel=1e-6)
    expected = (
        -np.mean(np.log(sigmoid(FAKE))) if name == "nsgan" else np.mean(np.log(1 - sigmoid(FAKE)))
    )
    assert number(found.generator(FAKE)) == pytest.approx(expected, rel=1e-6)


ALL = [
    *(("lsgan", {"a": a, "b": b, "c": c}) for a, b, c in CODINGS),
    ("nsgan", {}),
    ("mmgan", {}),
]


@pytest.mark.parametrize(("name", "coding"), ALL)
def test_gradients_agree_with_finite_differences(name, coding):
    objective = losses.objective(name, **coding)
    real, fake = tf.constant(REAL, tf.float64), tf.constant(FAKE, tf.float64)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([real, fake])
        d_loss, g_loss = objective.discriminator(real, fake), objective.generator(fake)
    cases = [
        (d_loss, real, lambda x: objective.discriminator(x, fake)),
        (d_loss, fake, lambda x: objective.discriminator(real, x)),
        (g_loss, fake, objective.generator),
    ]
    for loss, at, function in cases:
        found = tape.gradient(loss, at).numpy()
        step = 1e-5
        for i in range(len(found)):
            shift = step * np.eye(len(found))[i]
            slope = (number(function(at + shift)) - number(function(at - shift))) / (2 * step)
            assert found[i] == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize(("name", "coding"), ALL)
@pytest.mark.parametrize("score", [-1e4, 1e4])
def test_extreme_scores_give_finite_losses_and_gradients(name, coding, score):
    objective = losses.objective(name, **coding)
    scores = tf.fill((4,), tf.constant(score, tf.float32))
    with tf.GradientTape() as tape:
        tape.watch(scores)
        total = objective.discriminator(scores, scores) + objective.generator(scores)
    assert np.isfinite(total)
    assert np.isfinite(tape.gradient(total, scores)).all()


def test_minimax_saturates_where_the_other_does_not():
    scores = tf.constant([-20.0])  # D is sure that these are fakes
    slopes = {}
    for name in ("nsgan", "mmgan"):
        with tf.GradientTape() as tape:
            tape.watch(scores)
            loss = losses.objective(name).generator(scores)
        slopes[name] = abs(number(tape.gradient(loss, scores)[0]))
    assert slopes["nsgan"] == pytest.approx(1.0)
    assert slopes["mmgan"] < 1e-8


def test_objectives_bind_their_own_coding():
    first, second = losses.objective("lsgan", a=-1, b=1, c=0), losses.objective("lsgan")
    assert number(first.generator(FAKE)) == number(losses.lsgan_generator(FAKE, c=0))
    assert number(second.generator(FAKE)) == number(losses.lsgan_generator(FAKE, c=1))
    with pytest.raises(ValueError, match="wgan"):
        losses.objective("wgan")


# Two densities on an even grid, far enough into the tails.
X = np.linspace(-12, 12, 4001)
DX = X[1] - X[0]
P_D, P_G = stats.norm.pdf(X, -1, 1), stats.norm.pdf(X, 1.5, 0.8)


def test_the_optimal_discriminator_minimises_the_objective():
    best = losses.optimal_discriminator(P_D, P_G, a=-0.5, b=2.0)

    def loss(d):
        return np.sum(0.5 * P_D * (d - 2.0) ** 2 + 0.5 * P_G * (d + 0.5) ** 2) * DX

    for bump in (0.1, -0.1, 0.05 * np.sin(X)):
        assert loss(best) < loss(best + bump)


def divergence_of_g(a, b, c):
    """2 C(G) at the optimal D: E_pd[(D* - c)^2] + E_pg[(D* - c)^2]."""
    best = losses.optimal_discriminator(P_D, P_G, a=a, b=b)
    return np.sum((P_D + P_G) * (best - c) ** 2) * DX


def test_least_squares_is_pearsons_divergence_for_the_right_codings():
    chi_square = number(losses.pearson_chi_square(P_D + P_G, 2 * P_G, DX))
    for a, b, c in [(-1, 1, 0), (1, 3, 2), (-2.5, -0.5, -1.5)]:  # b - c = 1 and b - a = 2
        assert divergence_of_g(a, b, c) == pytest.approx(chi_square, rel=1e-9)
    assert divergence_of_g(0, 1, 1) != pytest.approx(chi_square, rel=0.1)


def test_pearsons_divergence_by_hand():
    # p = (1, 3), q = (2, 2): 1/1 + 1/3, times dx = 0.5.
    p, q = np.array([1.0, 3.0]), np.array([2.0, 2.0])
    assert number(losses.pearson_chi_square(p, q, 0.5)) == pytest.approx(2 / 3)
    assert number(losses.pearson_chi_square(p, p, 0.5)) == 0
