from __future__ import annotations

import numpy as np
import pytest

from lsgan_tf.errors import UserError
from lsgan_tf.sampling.sampler import Sampler
from lsgan_tf.sampling.text import draw_text, lay_out, lines_of, wrapped


@pytest.fixture(scope="module")
def sampler(tiny_run):
    return Sampler(tiny_run.path / "export")


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("abcde", None, ["abcde"]),
        ("abcde\n\nf ", 2, ["ab", "cd", "e", "", "f"]),
        ("ab  cd", 2, ["ab", "cd"]),
        ("a b c", 2, ["a", "b", "c"]),
        (" abc", 3, [" ab", "c"]),
        ("abcd", 2, ["ab", "cd"]),
    ],
)
def test_long_lines_go_on_in_the_next(text, width, lines):
    assert wrapped(text, width) == lines


def test_images_are_laid_out_in_lines():
    images = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1)
    cells = lay_out(["a b", "", "c"], images)
    assert cells[..., 0, 0, 0].tolist() == [[0, 255, 1], [255] * 3, [2, 255, 255]]


def test_a_text_has_an_image_for_each_character(sampler):
    written = draw_text(sampler, "安 宁\n啊", seed=7)
    assert written.lines == ["安 宁", "啊"] and written.names == ["安", "宁", "啊"]
    np.testing.assert_array_equal(written.images, sampler.write("安宁啊", 7))
    assert written.cells().shape == (2, 3, 8, 8, 1)


def test_one_writer_has_one_noise(sampler):
    written = draw_text(sampler, "安啊安", seed=7, writers="one")
    np.testing.assert_array_equal(written.images[0], written.images[2])


@pytest.mark.parametrize("text", ["", " \n"])
def test_no_text(sampler, text):
    with pytest.raises(UserError, match="at least one character"):
        draw_text(sampler, text, seed=0)


@pytest.mark.parametrize("text", [f"安{' ' * 400}宁" + "\n" * 400 + "安", f"安{' ' * 100_000}安"])
def test_a_text_too_large_for_an_image(sampler, text):
    with pytest.raises(UserError, match=r"too large for one image.*--wrap"):
        draw_text(sampler, text, seed=0)


def test_bytes_of_an_ascii_locale_are_decoded(sampler, monkeypatch):
    monkeypatch.setattr("os.fsencode", lambda text: text.encode("ascii", "surrogateescape"))
    text = "安宁".encode().decode("ascii", "surrogateescape")
    assert lines_of(sampler, text) == (["安宁"], ["安", "宁"])
