"""Folders and arrays of images."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.errors import UserError
from lsgan_tf.evaluation.image_sets import open_image_set


def opened(path, size=None):
    return open_image_set(path, "samples_dir", size)


def test_a_folder_in_the_order_of_names(write_images):
    folder = write_images("a", 3)
    (folder / "inner").mkdir()
    Image.new("L", (12, 12), 7).save(folder / "inner" / "x.bmp")
    (folder / "notes.txt").touch()
    found = opened(folder)
    assert (len(found), found.shape) == (4, (12, 12, 3))
    np.testing.assert_array_equal(
        found.read(np.array([1]))[0], np.asarray(Image.open(folder / "001.png"))
    )
    assert set(found.read(np.array([3])).ravel().tolist()) == {7}
    assert found.warnings == (
        f"--samples_dir={folder}: left out 1 file without an image extension",
    )
    assert found.description == f"4 images of 12x12 in {folder}"


def test_sides_that_differ(write_images):
    folder = write_images("a", 2, size=(12, 8))
    assert opened(folder).shape == (8, 12, 3)
    assert opened(folder, 16).read(np.arange(2)).shape == (2, 16, 16, 3)


def test_mixed_sizes_need_one(write_images):
    folder = write_images("a", 2)
    Image.new("RGB", (9, 14)).save(folder / "b.png")
    with pytest.raises(UserError, match=r"000.png of 12x12 and b.png of 9x14 pixels; use --imag"):
        opened(folder)
    assert opened(folder, 8).read(np.arange(3)).shape == (3, 8, 8, 3)


def test_images_that_lie_on_their_side(tmp_path):
    (tmp_path / "a").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (12, 8)).save(tmp_path / "a" / "1.jpg", exif=exif)
    Image.new("RGB", (8, 12)).save(tmp_path / "a" / "2.jpg")
    assert opened(tmp_path / "a").read(np.arange(2)).shape == (2, 12, 8, 3)


def test_the_same_content_has_the_same_fingerprint(write_images):
    first, same, other = (write_images(n, 3, seed=s) for n, s in (("a", 0), ("b", 0), ("c", 1)))
    prints = [opened(folder).fingerprint for folder in (first, same, other)]
    assert prints[0] == prints[1] != prints[2]
    assert opened(first, 8).fingerprint != prints[0]


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "empty"), (b"x" * 50, "no JPEG"), (None, "cut|truncated|broken")]
)
def test_a_damaged_image_is_named(write_images, content, said):
    folder = write_images("a", 3)
    path = folder / "001.png"
    path.write_bytes(path.read_bytes()[:-60] if content is None else content)
    with pytest.raises(UserError, match=rf"001\.png: cannot be decoded \(.*({said})"):
        opened(folder).read(np.arange(3))


def test_arrays(tmp_path):
    grey = np.random.default_rng(0).integers(0, 256, (5, 9, 8), np.uint8)
    colour = np.repeat(grey[..., None], 3, axis=-1)
    np.savez(tmp_path / "grey.npz", images=grey, labels=np.arange(5))
    np.savez(tmp_path / "one.npz", grey[..., None])
    np.savez(tmp_path / "colour.npz", pictures=colour, other=np.zeros(3))
    for name in ("grey", "one", "colour"):
        found = opened(tmp_path / f"{name}.npz")
        assert (len(found), found.shape) == (5, (9, 8, 3))
        np.testing.assert_array_equal(found.read(np.array([4, 1])), colour[[4, 1]])
    assert opened(tmp_path / "grey.npz", 16).read(np.array([2])).shape == (1, 16, 16, 3)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"images": np.zeros((3, 8, 8, 3), np.float32)}, r"found images float32 \(3, 8, 8, 3\)"),
        ({"images": np.zeros((0, 8, 8), np.uint8)}, "expected an array"),
        ({"a": np.zeros((2, 8, 8), np.uint8), "b": np.zeros((2, 8, 8), np.uint8)}, "expected an"),
        ({}, "found none"),
    ],
)
def test_files_without_images(tmp_path, arrays, said):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(UserError, match=said):
        opened(tmp_path / "x.npz")


def test_what_is_no_set(tmp_path, make_run, write_images):
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").touch()
    (tmp_path / "x.npz").write_bytes(b"x")
    (tmp_path / "x.zip").touch()
    for path, said in [
        (tmp_path / "empty", "found nothing"),
        (tmp_path / "texts", "found 1 other file"),
        (tmp_path / "gone", "no such file or folder"),
        (tmp_path / "x.npz", r"not a valid \.npz file"),
        (tmp_path / "x.zip", "a zip archive; unpack it first"),
        (tmp_path / "texts" / "a.txt", "found another file"),
        (make_run(), "this is a run folder of lsgan_tf.*--run_dir"),
    ]:
        with pytest.raises(UserError, match=said) as caught:
            opened(path)
        assert str(caught.value).startswith(f"--samples_dir={path}: ")
