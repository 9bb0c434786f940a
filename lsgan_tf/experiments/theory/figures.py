"""Plots of the theory experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lsgan_tf.experiments.common import plots
from lsgan_tf.experiments.theory.analysis import GRID, Trained, data_density, normal_density

COLOURS = {"least squares": "#1b7837", "cross entropy": "#762a83", "minimax": "#b8860b"}
_LONGEST = 1.5  # the longest arrow of a panel, in units of its axes


class Boundary(NamedTuple):
    """A trained linear discriminator of the plane and its gradients.

    Attributes:
      weights: weights of its two inputs.
      bias: its bias.
      pull: negative gradient of G's cost at each fake.
      level: score of the decision boundary, half way between the targets.
    """

    weights: np.ndarray
    bias: float
    pull: np.ndarray
    level: float


def draw_losses(
    path: Path, scores: np.ndarray, curves: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> None:
    """Draw the paper's figure 2: G's cost of a fake by its score, and the derivative."""
    figure = plots.new_figure(8, 3.2)
    left, right = figure.subplots(1, 2)
    for name, (costs, slopes) in curves.items():
        left.plot(scores, costs, label=name, color=COLOURS[name])
        right.plot(scores, np.abs(slopes), label=name, color=COLOURS[name])
    left.set(title="G's cost of one fake", xlabel="D's raw score", ylim=(-6, 8))
    right.set(title="magnitude of the gradient", xlabel="D's raw score", ylim=(-0.1, 4))
    for axes in (left, right):
        axes.axvline(0, color="0.85", zorder=0)
    left.legend(frameon=False)
    plots.save(figure, path)


def draw_boundaries(
    path: Path, real: np.ndarray, fake: np.ndarray, boundaries: Mapping[str, Boundary]
) -> None:
    """Draw the paper's figure 1: decision boundaries and G's gradients."""
    figure = plots.new_figure(9, 3.4)
    for axes, (name, found) in zip(figure.subplots(1, 2), boundaries.items(), strict=True):
        axes.scatter(*real.T, s=6, color="#4393c3", label="real")
        axes.scatter(*fake.T, s=6, color="#d6604d", label="fake")
        # Along the boundary w x + w' y + bias = level.
        y = np.array([-2.5, 2.5])
        x = (found.level - found.bias - found.weights[1] * y) / found.weights[0]
        axes.plot(x, y, color="black", linewidth=1, label="boundary of D")
        axes.quiver(
            *fake.T,
            *found.pull.T,
            angles="xy",
            scale_units="xy",
            scale=np.linalg.norm(found.pull, axis=1).max() / _LONGEST,
            width=0.003,
            color=COLOURS[name],
        )
        axes.set(title=f"{name}: G's gradient at the fakes", xlim=(-6, 8), ylim=(-2.5, 2.5))
    figure.axes[0].legend(frameon=False, loc="lower right", fontsize=8)
    plots.save(figure, path)


def draw_optimum(path: Path, found: Mapping[str, Trained]) -> None:
    """Draw trained and optimal discriminators over the densities."""
    figure = plots.new_figure(9, 3.2)
    seen = np.abs(GRID) < 4.5
    for axes, (name, trained) in zip(figure.subplots(1, len(found)), found.items(), strict=True):
        axes.fill_between(GRID[seen], data_density(GRID)[seen], color="#4393c3", alpha=0.4)
        axes.fill_between(
            GRID[seen], normal_density(GRID, 0.8, 1.0)[seen], color="#d6604d", alpha=0.4
        )
        axes.plot(GRID[seen], trained.optimal[seen], color="black", label="optimal")
        axes.plot(
            GRID[seen], trained.found[seen], "--", color=COLOURS["least squares"], label="trained"
        )
        axes.set(title=f"a, b, c = {name}")
    figure.axes[0].legend(frameon=False, fontsize=8)
    plots.save(figure, path)


def draw_divergence(
    path: Path, means: np.ndarray, costs: Mapping[str, Sequence[float]], halves: Sequence[float]
) -> None:
    """Draw G's cost for the optimal D and half the chi-square by the distance of the fakes."""
    figure = plots.new_figure(5, 3.2)
    axes: Any = figure.subplots()
    axes.plot(means, halves, color="black", label="half the Pearson chi-square")
    for (name, values), mark in zip(costs.items(), ("o", "s"), strict=True):
        axes.plot(means, values, mark, markersize=4, label=f"G's objective, {name}")
    axes.set(xlabel="distance between fakes and data")
    axes.legend(frameon=False, fontsize=8)
    plots.save(figure, path)
