"""Numbers and plots of the theory experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lsgan_tf.experiments.common.experiment import Conclusion, Figure
from lsgan_tf.experiments.common.page import table
from lsgan_tf.experiments.theory.analysis import (
    CODINGS,
    GRID,
    compare_with_optimum,
    data_density,
    generator_cost,
    half_chi_square,
    normal_density,
    slopes,
    train_discriminator,
)
from lsgan_tf.experiments.theory.figures import (
    Boundary,
    draw_boundaries,
    draw_divergence,
    draw_losses,
    draw_optimum,
)
from lsgan_tf.losses import Objective, objective

_NAMES = {"least squares": "lsgan", "cross entropy": "nsgan", "minimax": "mmgan"}
_MEANS = np.linspace(0.0, 4.0, 17)


def report(out: Path) -> Conclusion:
    """Compute everything and draw the four plots into a folder."""
    gradients, findings = _losses(out / "losses.png")
    boundary, moved = _boundaries(out / "boundary.png")
    optimum, errors = _optimum(out / "optimum.png")
    divergence, equal = _divergence(out / "divergence.png")
    figures = [
        Figure("losses.png", "G's cost of a fake, and its gradient (figure 2)."),
        Figure(
            "boundary.png",
            "Fakes far on the right side of the boundary (figure 1); arrows show the negative "
            "gradient, scaled to the longest of each panel.",
        ),
        Figure("optimum.png", "Trained discriminators against the optimal one (equation 5)."),
        Figure("divergence.png", "G's objective and half the chi-square (equation 9)."),
    ]
    numbers = {
        "gradients": gradients,
        "boundary": boundary,
        "optimum": optimum,
        "divergence": divergence,
    }
    return Conclusion("\n\n".join((findings, moved, errors, equal)), figures, numbers)


def _losses(path: Path) -> tuple[dict[str, dict[str, float]], str]:
    scores = np.linspace(-6.0, 10.0, 161)
    curves = {name: slopes(objective(loss), scores) for name, loss in _NAMES.items()}
    draw_losses(path, scores, curves)
    at = (-6.0, 0.0, 1.0, 4.0, 10.0)
    gradients = {
        name: {f"{score:g}": float(slope[np.abs(scores - score).argmin()]) for score in at}
        for name, (_, slope) in curves.items()
    }
    rows = [[name, *(f"{value:.2g}" for value in g.values())] for name, g in gradients.items()]
    heads = ["derivative of G's cost at a score of", *(f"{score:g}" for score in at)]
    return gradients, table(heads, rows)


def _boundaries(path: Path) -> tuple[dict[str, dict[str, float]], str]:
    """Compute G's gradient at fakes on both sides of a linear D's boundary, for two losses."""
    random = np.random.default_rng(0)
    real = random.normal((1.0, 0.0), (0.5, 0.7), (200, 2)).astype(np.float32)
    near = random.normal((-2.0, 0.0), (0.6, 0.7), (60, 2)).astype(np.float32)
    far = random.normal((5.5, 0.0), (0.6, 0.7), (20, 2)).astype(np.float32)
    fake = np.concatenate([near, far])
    found, numbers = {}, {}
    for name in ("cross entropy", "least squares"):
        loss = objective(_NAMES[name])
        # D is trained on the near fakes only.
        keras.backend.clear_session()
        d = train_discriminator(loss, real, near, hidden=(), steps=1500, batch=128)
        weights, bias = d.get_weights()
        pull = _pull(loss, d, fake)
        level = 0.5 if name == "least squares" else 0.0
        found[name] = Boundary(weights[:, 0], float(bias[0]), pull, level)
        lengths = np.linalg.norm(pull, axis=1)
        numbers[name] = {
            "near": float(lengths[: len(near)].mean()),
            "far": float(lengths[len(near) :].mean()),
        }
    draw_boundaries(path, real, fake, found)
    rows = [[name, f"{n['near']:.3g}", f"{n['far']:.2g}"] for name, n in numbers.items()]
    heads = ["mean gradient of G's cost at", "fakes on the wrong side", "far on the right side"]
    return numbers, table(heads, rows)


def _pull(loss: Objective, d: keras.Model, fake: np.ndarray) -> np.ndarray:
    """Return the negative gradient of G's cost of each fake with respect to its position."""
    points = tf.constant(fake)
    with tf.GradientTape() as tape:
        tape.watch(points)
        # The loss is a mean over the fakes.
        cost = loss.generator(d(points)) * len(fake)
    return -tape.gradient(cost, points).numpy()


def _optimum(path: Path) -> tuple[dict[str, float], str]:
    found = {
        name: compare_with_optimum(objective("lsgan", a=a, b=b, c=c), a, b)
        for name, (a, b, c) in CODINGS.items()
    }
    draw_optimum(path, found)
    errors = {name: trained.error for name, trained in found.items()}
    listed = "; ".join(
        f"{error / abs(CODINGS[name][1] - CODINGS[name][0]):.2%} of b - a for {name}"
        for name, error in errors.items()
    )
    return errors, (
        "A discriminator with two hidden layers, trained on 200,000 samples of two known "
        "densities, differs from the optimal one by (root mean square, weighted by p_d + p_g) "
        f"{listed}."
    )


def _divergence(path: Path) -> tuple[dict[str, Any], str]:
    p_d = data_density(GRID)
    moved = [data_density(GRID - mean) for mean in _MEANS]
    moved[-1] = normal_density(GRID, 4.0, 0.5)
    halves = [half_chi_square(p_d, p_g) for p_g in moved]
    costs = {
        name: [generator_cost(p_d, p_g, *coding) for p_g in moved]
        for name, coding in CODINGS.items()
    }
    draw_divergence(path, _MEANS[:-1], {k: v[:-1] for k, v in costs.items()}, halves[:-1])
    off = {
        name: max(abs(cost - half) for cost, half in zip(values, halves, strict=True))
        for name, values in costs.items()
    }
    listed = "; ".join(f"{value:.2g} for {name}" for name, value in off.items())
    return {"half_chi_square": halves, "objective": costs, "largest_difference": off}, (
        f"Over {len(moved)} distributions of fakes, from that of the data to a distant one, G's "
        "cost for the optimal discriminator differs from half the chi-square by at most: "
        f"{listed}."
    )
