from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lsgan_tf.errors import UserError
from lsgan_tf.experiments.common import plots

pytestmark = pytest.mark.fast


def test_density_is_scipys():
    points = np.random.default_rng(0).normal(0.2, 0.5, (4000, 2))
    found = plots.density(points, 3.0)
    centres = (np.arange(256) + 0.5) * 6 / 256 - 3
    x, y = np.meshgrid(centres[100:160:10], centres[100:160:10])
    kernel = stats.gaussian_kde(points.T)
    expected = kernel((x.ravel(), y.ravel())).reshape(x.shape)
    np.testing.assert_allclose(found[100:160:10, 100:160:10], expected, rtol=0.05)
    assert found.sum() * (6 / 256) ** 2 == pytest.approx(1, abs=1e-3)


def test_density_of_one_point_is_a_narrow_hill():
    found = plots.density(np.zeros((10, 2)), 1.0)
    assert np.unravel_index(found.argmax(), found.shape) in {
        (i, j) for i in (127, 128) for j in (127, 128)
    }
    assert np.isfinite(found).all() and (found > found.max() / 10).sum() < 100


def test_without_matplotlib_the_remedy_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UserError, match=r"pip install 'lsgan_tf\[plots\]'"):
        plots.check_matplotlib()


def test_images_are_small(tmp_path):
    pytest.importorskip("matplotlib")
    figure = plots.new_figure(3, 2)
    figure.subplots().plot([0, 1], [0, 1])
    plots.save(figure, tmp_path / "a.png")
    assert 500 < (tmp_path / "a.png").stat().st_size < 20_000
