from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.data.synthetic.strokes import render_glyph
from lsgan_tf.sampling import image_grid

pytestmark = pytest.mark.fast

GAP = 2


def flat(*values, size=4, channels=1):
    """Images of one level each, in a row of the grid."""
    images = [np.full((size, size, channels), value, np.uint8) for value in values]
    return np.stack(images)[None]


class TestGrid:
    def test_layout_to_the_pixel(self):
        images = np.concatenate([flat(10, 20, 30), flat(40, 50, 60)])
        picture = image_grid.grid(images)
        assert picture.shape == (2 * (4 + GAP) + GAP, 3 * (4 + GAP) + GAP, 3)
        assert picture.dtype == np.uint8
        expected = np.full(picture.shape, 255, np.uint8)
        for row in range(2):
            for column in range(3):
                y, x = GAP + row * (4 + GAP), GAP + column * (4 + GAP)
                expected[y : y + 4, x : x + 4] = images[row, column]
        np.testing.assert_array_equal(picture, expected)

    def test_scale(self):
        picture = image_grid.grid(flat(10, 20), scale=3)
        assert picture.shape == (12 + 2 * GAP, 2 * (12 + GAP) + GAP, 3)
        assert (picture[GAP : GAP + 12, GAP : GAP + 12] == 10).all()

    def test_texts_stand_below_the_images(self):
        images = np.full((2, 2, 20, 30, 1), 255, np.uint8)
        plain = image_grid.grid(images)
        below = image_grid.grid(images, below=[["", "0.25"], ["", ""]])
        room = (below.shape[0] - plain.shape[0]) // 2
        assert room > 0 and below.shape[1] == plain.shape[1]
        dark = np.argwhere(below.min(axis=-1) < 128)
        assert len(dark)
        assert dark[:, 0].min() >= 22 and dark[:, 0].max() < 22 + room + 2
        assert dark[:, 1].min() >= 34

    def test_colours_stay(self):
        image = np.zeros((1, 1, 5, 5, 3), np.uint8)
        image[..., 0] = 200
        picture = image_grid.grid(image)
        assert picture[GAP + 1, GAP + 1].tolist() == [200, 0, 0]

    def test_a_title_stands_above_and_is_never_cut(self):
        plain, titled = (
            image_grid.grid(flat(0)),
            image_grid.grid(flat(0), title="hwdb lsgan  step 1,000,000"),
        )
        assert titled.shape[0] == plain.shape[0] + 20
        assert titled.shape[1] > plain.shape[1]
        assert (titled[:20] < 128).any()
        assert (titled[:20, -3:] == 255).all()  # the last letter ends before the border
        np.testing.assert_array_equal(titled[20:, : plain.shape[1]], plain)

    def test_rows_are_named_at_their_left(self):
        images = np.concatenate([flat(255, size=28), flat(255, size=28)])
        picture = image_grid.grid(images, rows=["安", "cat"], scale=2)
        left = picture.shape[1] - (56 + GAP) - GAP
        for row in range(2):
            y = GAP + row * (56 + GAP)
            assert (picture[y : y + 56, :left] < 128).any()
        assert (picture[:, left:] == 255).all()


def caption(name, height=32):
    """The caption at the left of a row."""
    picture = image_grid.grid(np.full((1, 1, height, 8, 1), 255, np.uint8), rows=[name])
    return picture[GAP : GAP + height, GAP : -(8 + 3 * GAP)]


class TestCaptions:
    def test_chinese_is_drawn(self):
        glyph = render_glyph("安", 28)
        np.testing.assert_array_equal(caption("安")[2:30, :28, 0], glyph)

    @pytest.mark.parametrize(
        ("name", "same"),
        [("cat", "cat"), ("A", "A"), ("😀", "U+1F600"), ("齉", "U+9F49"), ("\n", "U+000A")],
    )
    def test_others_are_written_or_coded(self, name, same):
        np.testing.assert_array_equal(caption(name), caption(same))
        assert (caption(name) < 128).any()

    def test_names_differ(self):
        shapes = {caption(name).tobytes() for name in ("安", "宁", "cat", "dog", "齉", "齾")}
        assert len(shapes) == 6

    def test_a_long_name_is_cut(self):
        assert caption("w" * 500).shape[1] < 400
        assert caption("").shape[1] < 10

    @pytest.mark.parametrize("name", ["安", "cat"])
    @pytest.mark.parametrize("height", [8, 10, 16, 28, 112])
    def test_stays_within_its_row(self, name, height):
        images = np.full((3, 1, height, 8, 1), 255, np.uint8)
        picture = image_grid.grid(images, rows=["", name, ""])
        rows = np.flatnonzero((picture < 128).any(axis=(1, 2)))
        first = GAP + height + GAP
        assert rows.min() >= first and rows.max() < first + height


class TestScatter:
    def test_points_lie_where_they_should(self):
        picture = image_grid.scatter(np.array([[1.0, -1.0]]), np.array([[-1.0, 1.0]]), size=100)
        assert picture.shape == (100, 100, 3)
        green, grey = [0, 110, 50], [190, 190, 190]
        assert picture[75, 75].tolist() == green  # right and below
        assert picture[25, 25].tolist() == grey  # left and above
        assert (picture != 255).any(axis=2).sum() == 2

    def test_samples_are_drawn_over_reals(self):
        point = np.array([[0.5, 0.5]])
        picture = image_grid.scatter(point, point, size=100)
        assert picture[38, 62].tolist() == [0, 110, 50] or picture[37, 62].tolist() == [0, 110, 50]

    def test_what_lies_outside_or_is_no_number_is_left_out(self):
        points = np.array([[9.0, 0.0], [np.nan, 0.0], [0.0, np.inf], [0.0, 2.1]])
        picture = image_grid.scatter(points, np.zeros((0, 2)), size=100, title="t")
        assert picture.shape == (120, 100, 3)
        assert (picture[20:] == 255).all()


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 1), (5, 6, 3)])
def test_png_comes_back(tmp_path, shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    image_grid.save_png(tmp_path / "new" / "a.png", image)
    with Image.open(tmp_path / "new" / "a.png") as found:
        np.testing.assert_array_equal(np.asarray(found), np.squeeze(image))
        assert found.format == "PNG"
