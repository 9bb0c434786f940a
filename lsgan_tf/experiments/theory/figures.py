"""The plots of the theory experiment."""

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
    """A trained linear discriminator on the plane and what it tells each fake.

    Attributes:
      weights: of its two inputs.
      bias: its constant.
      pull: minus the gradient of G's cost at each fake: which way and how strongly it is sent.
      level: the score half way between the targets, where the boundary is drawn.
    """

    weights: np.ndarray
    bias: float
    pull: np.ndarray
    level: float


def draw_losses(
    path: Path, scores: np.ndarray, curves: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> None:
    """The paper's figure 2: what a fake costs G by its score, and the slope of that."""
    figure = plots.new_figure(8, 3.2)
    left, right = figure.subplots(1, 2)
    for name, (costs, slopes) in curves.items():
        left.plot(scores, costs, label=name, color=COLOURS[name])
        right.plot(scores, np.abs(slopes), label=name, color=COLOURS[name])
    left.set(title="cost of one fake to G", xlabel="D's raw score of it", ylim=(-6, 8))
    right.set(title="strength of the gradient", xlabel="D's raw score of it", ylim=(-0.1, 4))
    for axes in (left, right):
        axes.axvline(0, color="0.85", zorder=0)
    left.legend(frameon=False)
    plots.save(figure, path)


def draw_boundaries(
    path: Path, real: np.ndarray, fake: np.ndarray, boundaries: Mapping[str, Boundary]
) -> None:
    """The paper's figure 1: decision boundaries, and how each loss moves the fakes."""
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
        axes.set(title=f"{name}: how the fakes are moved", xlim=(-6, 8), ylim=(-2.5, 2.5))
    figure.axes[0].legend(frameon=False, loc="lower right", fontsize=8)
    plots.save(figure, path)


def draw_optimum(path: Path, found: Mapping[str, Trained]) -> None:
    """Discriminators found by training over the optimal ones, with the densities below."""
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
    """G's objective at the optimal D beside half the chi-square, as the fakes move off."""
    figure = plots.new_figure(5, 3.2)
    axes: Any = figure.subplots()
    axes.plot(means, halves, color="black", label="half the Pearson chi-square")
    for (name, values), mark in zip(costs.items(), ("o", "s"), strict=True):
        axes.plot(means, values, mark, markersize=4, label=f"G's objective, {name}")
    axes.set(xlabel="distance between fakes and data")
    axes.legend(frameon=False, fontsize=8)
    plots.save(figure, path)
