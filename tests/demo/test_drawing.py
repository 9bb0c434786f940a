from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.demo import drawing
from lsgan_tf.errors import UserError
from lsgan_tf.sampling.class_names import labels_by_name
from lsgan_tf.sampling.sampler import Sampler

CELL = 8 * 4 + 2  # a character of the tiny run: 8 pixels, enlarged four times, and the gap


@pytest.fixture(scope="module")
def sampler(tiny_run):
    return Sampler(tiny_run.path / "export")


class Fake(Sampler):
    """A sampler whose images are as bright as their noise's first number says."""

    def __init__(self, classes=(), shape=(8, 8, 3)):
        self.classes, self.shape, self.chunk = list(classes), shape, 64
        self.conditional, self._labels = bool(classes), labels_by_name(classes)
        self.z_dim, self.z_distribution = 3, "normal"

    def draw(self, z, labels=None):
        self.z, self.drawn = z, labels
        if len(self.shape) == 1:
            return z[:, :2].astype(np.float32)
        images = np.zeros((len(z), *self.shape), np.uint8)
        images[:] = np.clip(z[:, 0, None, None, None] * 40 + 128, 0, 255)
        return images


def saved(made):
    with np.load(made.npz) as arrays:
        return arrays["images"], arrays["chars"].tolist()


class TestWrite:
    def test_a_text_by_one_writer(self, sampler, tmp_path):
        made = drawing.write(sampler, tmp_path, "安宁\n安", writer=7)
        with Image.open(made.png) as picture:
            assert picture.size == (2 * CELL + 2, 2 * CELL + 2)
        images, characters = saved(made)
        assert characters == ["安", "宁", "安"] and images.shape == (3, 8, 8)
        np.testing.assert_array_equal(images[0], images[2])
        expected = sampler.draw(sampler.noise(1, 7), sampler.labels(["安"]))
        np.testing.assert_array_equal(images[0], expected[0, ..., 0])

    def test_wrap_and_truncation(self, sampler, tmp_path):
        made = drawing.write(sampler, tmp_path, "安宁安宁", writer=7, wrap=3, truncation=0.5)
        with Image.open(made.png) as picture:
            assert picture.size == (3 * CELL + 2, 2 * CELL + 2)

    def test_an_unknown_character_is_named(self, sampler, tmp_path):
        with pytest.raises(UserError, match=r"龘 \(U\+9F98\)"):
            drawing.write(sampler, tmp_path, "安龘", writer=0)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("text", ["", "  \n", "安" * 401])
    def test_too_little_and_too_much(self, sampler, tmp_path, text):
        with pytest.raises(UserError, match="character"):
            drawing.write(sampler, tmp_path, text, writer=0)

    @pytest.mark.parametrize("text", ["安" + "\n" * 999 + " " * 11 + "安", f"安{' ' * 10_000}安"])
    def test_too_many_blanks(self, sampler, tmp_path, text):
        with pytest.raises(UserError, match="With its blanks"):
            drawing.write(sampler, tmp_path, text, writer=0)
        with pytest.raises(UserError, match="With its blanks"):
            drawing.morph_text(sampler, tmp_path, text, first=0, second=1, frames=2)

    @pytest.mark.parametrize("writer", [None, -1, 0.5, 2**31])
    def test_a_writer_is_a_whole_number(self, sampler, tmp_path, writer):
        with pytest.raises(UserError, match="whole number from 0 to 2,147,483,647"):
            drawing.write(sampler, tmp_path, "安", writer=writer)


class TestMorph:
    def test_of_a_text_begins_and_ends_with_the_writers(self, sampler, tmp_path):
        made = drawing.morph_text(sampler, tmp_path, "安宁", first=3, second=4, frames=5)
        images, characters = saved(made)
        assert images.shape == (10, 8, 8) and characters == ["安", "宁"] * 5
        labels = sampler.labels(["安", "宁"])
        for seed, found in ((3, images[:2]), (4, images[-2:])):
            expected = sampler.draw(sampler.noise(1, seed)[[0, 0]], labels)
            np.testing.assert_array_equal(found, expected[..., 0])
        with Image.open(made.shown) as animation:
            assert animation.n_frames == 8 and animation.size == (2 * CELL + 2, CELL + 2)
        # Fewer characters than frames: a row for each character, with its name.
        with Image.open(made.png) as strip:
            assert strip.height == 2 * CELL + 2 and strip.width > 5 * CELL + 2

    def test_a_long_text_has_a_row_for_each_writer(self, sampler, tmp_path):
        made = drawing.morph_text(sampler, tmp_path, "安宁安宁", first=0, second=1, frames=3)
        with Image.open(made.png) as strip:
            assert strip.size == (4 * CELL + 2, 3 * CELL + 2)

    def test_too_many_images(self, sampler, tmp_path):
        with pytest.raises(UserError, match="expected at most 2,400"):
            drawing.morph_text(sampler, tmp_path, "安" * 200, first=0, second=1, frames=24)

    @pytest.mark.parametrize("classes", [(), ("living room", "kitchen")])
    def test_of_images(self, tmp_path, classes):
        fake = Fake(classes)
        name = "kitchen" if classes else None
        made = drawing.morph_images(fake, tmp_path, name, first=0, second=1, frames=3)
        assert (fake.drawn is None) if not classes else set(fake.drawn) == {1}
        np.testing.assert_allclose(fake.z[::3], fake.noise(4, 0))
        np.testing.assert_allclose(fake.z[2::3], fake.noise(4, 1), atol=1e-6)
        images, names = saved(made)
        # Frame by frame, as the names come in turn.
        assert images.shape == (12, 8, 8, 3) and set(names) == {name or ""}
        np.testing.assert_array_equal(images[:4], fake.draw(fake.noise(4, 0)))
        with Image.open(made.shown) as animation:
            assert animation.n_frames == 4

    def test_points_have_none(self, tmp_path):
        with pytest.raises(UserError, match="points"):
            drawing.morph_images(Fake(shape=(2,)), tmp_path, None, first=0, second=1, frames=3)


class TestGrid:
    def test_of_a_class(self, sampler, tmp_path):
        made = drawing.draw_grid(sampler, tmp_path, "宁", seed=5, count=5)
        images, names = saved(made)
        assert names == ["宁"] * 5
        expected = sampler.draw(sampler.noise(5, 5), np.repeat(sampler.labels(["宁"]), 5))
        np.testing.assert_array_equal(images, expected[..., 0])
        with Image.open(made.png) as picture:
            assert picture.size == (3 * CELL + 2, 2 * CELL + 2)

    def test_of_all_classes(self, tmp_path):
        made = drawing.draw_grid(Fake(("cat", "dog")), tmp_path, None, seed=5, count=4)
        assert saved(made)[1] == ["cat", "cat", "cat", "dog"]

    def test_of_an_unconditional_generator(self, tmp_path):
        fake = Fake()
        made = drawing.draw_grid(fake, tmp_path, None, seed=5, count=1000, truncation=0.5)
        assert fake.drawn is None and len(saved(made)[0]) == drawing.most_images(fake) == 100
        assert np.abs(fake.z).max() <= 0.5

    def test_of_points(self, tmp_path):
        made = drawing.draw_grid(Fake(shape=(2,)), tmp_path, None, seed=5, count=300)
        assert saved(made)[0].shape == (300, 2)
        with Image.open(made.png) as picture:
            assert len(picture.getcolors()) == 2

    def test_an_unknown_class(self, tmp_path):
        with pytest.raises(UserError, match="does not know cow"):
            drawing.draw_grid(Fake(("cat", "dog")), tmp_path, "cow", seed=0, count=1)


@pytest.mark.parametrize(
    ("classes", "text"), [("大国中人民x", "中国人民大"), ("abcdefghij", "abcdefgh")]
)
def test_the_first_text_can_be_written(classes, text):
    assert drawing.first_text(Fake(classes)) == text
