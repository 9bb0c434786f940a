from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.errors import UserError
from lsgan_tf.exporting.pretrained import pretrained
from lsgan_tf.sampling import image_grid
from lsgan_tf.sampling.interpolation import interpolate, write_interpolation, write_sweep
from lsgan_tf.sampling.sampler import Sampler


@pytest.fixture(scope="module")
def sampler(tiny_run):
    return Sampler(tiny_run.path / "export", "raw")  # EMA weights are still near the start


class Fake(Sampler):
    """An unconditional sampler of colours whose images show the first dimension of z."""

    def __init__(self, distribution="normal", shape=(8, 8, 3), z_dim=5):
        self.classes, self.shape, self.chunk = [], shape, 4
        self.conditional, self.z_dim, self.z_distribution = False, z_dim, distribution

    def draw(self, z, labels=None):
        self.z = z
        images = np.zeros((len(z), *self.shape), np.uint8)
        images[:] = np.clip(z[:, :1, None, None] * 40 + 128, 0, 255)
        return images


class TestInterpolate:
    def test_uniform_noise_is_interpolated_linearly(self):
        found = interpolate(np.array([-1.0, 0.0]), np.array([1.0, 1.0]), 3, "uniform")
        np.testing.assert_allclose(found, [[-1, 0], [0, 0.5], [1, 1]])

    def test_normal_noise_keeps_its_norm(self):
        found = interpolate(np.array([2.0, 0.0]), np.array([0.0, 2.0]), 3, "normal")
        np.testing.assert_allclose(found, [[2, 0], [2**0.5, 2**0.5], [0, 2]], atol=1e-6)

    def test_equal_noise_vectors(self):
        point = np.array([1.0, 2.0])
        np.testing.assert_allclose(interpolate(point, point, 4, "normal"), [point] * 4)

    def test_opposite_noise_vectors(self):
        found = interpolate(np.array([1.0]), np.array([-0.5]), 3, "normal")
        np.testing.assert_allclose(found, [[1], [0.25], [-0.5]])


class TestInterpolation:
    def test_between_classes_ends_at_the_classes(self, tmp_path):
        sampler, out = pretrained().sampler, tmp_path / "strip.png"
        write_interpolation(sampler, out, seed=3, names=["中", "国"], rows=2, frames=3, scale=1)
        # As many images per call as the strip has: the rounding depends on the batch size.
        z = np.repeat(sampler.noise(2, 3), 3, axis=0)
        start, end = (sampler.draw(z, np.repeat(sampler.labels([name]), 6)) for name in "中国")
        picture = np.asarray(Image.open(out))
        assert picture.shape == (2 * 30 + 2, 3 * 30 + 2, 3)
        for row in range(2):
            line = picture[2 + 30 * row : 30 + 30 * row, :, 0]
            np.testing.assert_array_equal(line[:, 2:30], start[3 * row, ..., 0])
            np.testing.assert_array_equal(line[:, 62:90], end[3 * row + 2, ..., 0])
        assert np.abs(start.astype(int) - end).max() > 100

    def test_halfway_the_label_is_the_mean_of_both(self, sampler):
        z, one = sampler.noise(1, 0), np.ones(1)
        there = sampler.interpolate(z, 3 * one, 4 * one, 0.25 * one)
        back = sampler.interpolate(z, 4 * one, 3 * one, 0.75 * one)
        np.testing.assert_array_equal(there, back)

    def test_between_noises_of_a_class(self, sampler, tmp_path):
        out = tmp_path / "strip.png"
        write_interpolation(sampler, out, seed=0, names=["安"], rows=2, frames=4, scale=1)
        with Image.open(out) as found:
            assert found.height == 2 * 10 + 2

    @pytest.mark.parametrize("suffix", ["gif", "webp"])
    def test_an_animation_goes_forth_and_back(self, tmp_path, suffix):
        out = tmp_path / f"strip.{suffix}"
        write_interpolation(Fake(), out, seed=0, rows=2, frames=4, scale=1)
        with Image.open(out) as found:
            assert found.n_frames == 6 and found.size == (22, 12)
            assert found.info["loop"] == 0
            levels = []
            for frame in range(6):
                found.seek(frame)
                levels.append(found.convert("RGB").getpixel((4, 4))[0])
        assert levels[0] != levels[3]
        np.testing.assert_allclose(levels[1:3], levels[:3:-1], atol=3)

    @pytest.mark.parametrize(
        ("sampler_of", "out", "message"),
        [
            (Fake, "strip.jpg", r"expected a name ending in \.png for a strip"),
            (lambda: Fake(shape=(2,)), "strip.png", "makes points, not images"),
        ],
    )
    def test_what_cannot_be(self, tmp_path, sampler_of, out, message):
        with pytest.raises(UserError, match=message):
            write_interpolation(sampler_of(), tmp_path / out, seed=0)
        assert list(tmp_path.iterdir()) == []

    def test_too_many_images_for_one_file(self, tmp_path):
        with pytest.raises(UserError, match="200,000 images are too many"):
            write_interpolation(Fake(), tmp_path / "a.png", seed=0, rows=100, frames=1000)

    def test_a_saved_model_of_an_older_version(self, sampler, monkeypatch):
        monkeypatch.setattr(sampler, "_between", None)
        with pytest.raises(UserError, match=r"without interpolation .* export it again"):
            sampler.interpolate(np.zeros((1, 6)), np.zeros(1), np.ones(1), np.ones(1))


class TestSweep:
    @pytest.mark.parametrize(("distribution", "end"), [("uniform", 1), ("normal", 3)])
    def test_only_that_number_changes(self, tmp_path, distribution, end):
        fake = Fake(distribution)
        write_sweep(fake, tmp_path / "a.png", seed=0, dimension=2, rows=2, frames=3)
        np.testing.assert_allclose(fake.z[:, 2], [-end, 0, end] * 2)
        others = np.delete(fake.z, 2, axis=1).reshape(2, 3, 4)
        np.testing.assert_array_equal(others[:, 0], others[:, 2])
        assert (others[0] != others[1]).any()

    def test_a_class_a_row(self, sampler, tmp_path):
        out = tmp_path / "sweep.png"
        write_sweep(sampler, out, seed=0, dimension=5, names=["安", "宁"], frames=2, scale=1)
        images = sampler.noise(2, 0).repeat(2, axis=0)
        images[:, 5] = [-1, 1, -1, 1]
        cells = sampler.draw(images, sampler.labels(list("安安宁宁"))).reshape(2, 2, 8, 8, 1)
        expected = image_grid.grid(cells, rows=["安", "宁"], title="z[5] from -1 to 1")
        np.testing.assert_array_equal(np.asarray(Image.open(out)), expected)

    def test_no_such_number(self, tmp_path):
        with pytest.raises(UserError, match="has 5 dimensions; expected 0 to 4"):
            write_sweep(Fake(), tmp_path / "a.png", seed=0, dimension=5)
