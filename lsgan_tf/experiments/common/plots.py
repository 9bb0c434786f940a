"""Plotting with matplotlib, without its global state, and kernel density estimates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lsgan_tf.errors import UserError
from lsgan_tf.util.files import atomic_file

_DOTS_PER_INCH = 100
_CELLS = 256


def check_matplotlib() -> None:
    """Check that matplotlib is installed.

    Raises:
      UserError: if it is not.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise UserError(
            "drawing the plots needs matplotlib; install it with: pip install 'lsgan_tf[plots]'"
        ) from error


def new_figure(width: float, height: float) -> Any:
    """Make an empty `matplotlib.figure.Figure` of a size in inches."""
    check_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=_DOTS_PER_INCH, layout="constrained")


def save(figure: Any, path: Path) -> None:
    """Write a figure as a small PNG, atomically."""
    from PIL import Image

    from lsgan_tf.sampling.image_grid import png_origin

    with atomic_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
        with Image.open(temporary) as image:
            small = image.convert("RGB").quantize(64)
        small.save(temporary, "PNG", optimize=True, pnginfo=png_origin())


def density(points: np.ndarray, limit: float, bandwidth: float | None = None) -> np.ndarray:
    """Compute a Gaussian kernel density estimate of points in the plane.

    Args:
      points: `(n, 2)`; those beyond the limit count for the normalisation only.
      limit: the grid ranges from -limit to limit on both axes.
      bandwidth: standard deviation of the kernel; None for Scott's rule,
        n^(-1/6) times the mean of both axes' deviations.

    Returns:
      `(256, 256)`, rows along the second coordinate; integrates to the fraction of points inside.
    """
    points = np.asarray(points, np.float64)
    if bandwidth is None:
        bandwidth = len(points) ** (-1 / 6) * points.std(axis=0).mean()
    edges = np.linspace(-limit, limit, _CELLS + 1)
    cell = edges[1] - edges[0]
    counts, _, _ = np.histogram2d(points[:, 1], points[:, 0], bins=(edges, edges))
    # The grid cannot resolve a kernel narrower than a cell.
    sigma = max(bandwidth, cell)
    centres = (edges[:-1] + edges[1:]) / 2
    kernel = np.exp(-0.5 * ((centres[:, None] - centres[None, :]) / sigma) ** 2)
    kernel /= sigma * np.sqrt(2 * np.pi)
    return kernel @ counts @ kernel.T / len(points)
