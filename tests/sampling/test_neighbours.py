from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.data.source import Source
from lsgan_tf.errors import UserError
from lsgan_tf.sampling import neighbours
from lsgan_tf.sampling.sampler import Sampler


class Levels(Source):
    """Images of one grey level each."""

    name, shape, fingerprint, description = "levels", (2, 2, 1), "levels", "grey levels"

    def __init__(self, levels):
        self._levels = np.array(levels, np.uint8)

    def __len__(self):
        return len(self._levels)

    def read(self, indices):
        return np.broadcast_to(self._levels[indices, None, None, None], (len(indices), 2, 2, 1))


def flat(*levels):
    return np.broadcast_to(np.array(levels, np.uint8)[:, None, None, None], (len(levels), 2, 2, 1))


class TestNearest:
    @pytest.mark.parametrize("values", [4, 8, 1 << 20])  # 1, 2, all reals in a batch
    def test_by_hand(self, monkeypatch, values):
        monkeypatch.setattr(neighbours, "_BATCH_VALUES", values)
        found = neighbours.nearest(
            flat(50, 255), Levels([0, 60, 255, 45, 204]), 2, exclude=np.array([-1, -1])
        )
        assert found.indices.tolist() == [[3, 1], [2, 4]]
        np.testing.assert_allclose(found.distance, [[5 / 255, 10 / 255], [0, 51 / 255]], atol=2e-4)

    def test_a_real_one_is_not_its_own_neighbour(self):
        found = neighbours.nearest(flat(60), Levels([0, 60, 255]), 1, exclude=np.array([1]))
        assert found.indices.tolist() == [[0]]
        np.testing.assert_allclose(found.distance, [[60 / 255]], rtol=1e-5)


@pytest.fixture(scope="module")
def sampler(tiny_run):
    return Sampler(tiny_run.path / "export")


class TestPicture:
    def test_of_a_run(self, sampler, tmp_path, capsys):
        out = tmp_path / "near.png"
        line = neighbours.write_neighbours(sampler, out, seed=0, names=["安"], count=3, k=4)
        assert "\n" not in line and "nearest of 40 reals" in line and "NOTE" not in line
        with Image.open(out) as picture:
            assert picture.width > 5 * 16 and picture.height > 3 * (16 + 10)

    def test_of_other_data_of_the_same_classes(self, sampler, tmp_path, write_characters):
        write_characters(tmp_path / "data" / "other.gnt", "啊阿埃安宁%", samples=3)
        line = neighbours.write_neighbours(
            sampler, tmp_path / "a.png", seed=0, data_dir=str(tmp_path / "data")
        )
        assert "nearest of 15 reals" in line and "NOTE: this is not the training data" in line

    def test_other_classes_are_refused(self, sampler, tmp_path, write_characters):
        write_characters(tmp_path / "data" / "other.gnt", "一二")
        with pytest.raises(UserError, match="this generator was trained on HWDB, train split"):
            neighbours.write_neighbours(
                sampler, tmp_path / "a.png", seed=0, data_dir=str(tmp_path / "data")
            )
        assert not (tmp_path / "a.png").exists()

    def test_data_that_is_gone(self, sampler, tmp_path):
        with pytest.raises(UserError, match="nowhere"):
            neighbours.write_neighbours(
                sampler, tmp_path / "a.png", seed=0, data_dir=str(tmp_path / "nowhere")
            )

    def test_out_is_an_image(self, sampler, tmp_path):
        with pytest.raises(UserError, match=r"expected a name ending in \.png"):
            neighbours.write_neighbours(sampler, tmp_path / "a.gif", seed=0)
