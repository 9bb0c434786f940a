"""`--dataset=images`."""

from __future__ import annotations

import os

import numpy as np
import pytest

from lsgan_tf.data.images import source as image_folder
from lsgan_tf.errors import UserError

pytestmark = pytest.mark.fast


@pytest.fixture
def folder(tmp_path, encode):
    root = tmp_path / "pictures"
    for name, colour, size in [
        ("cats/1.png", "red", (40, 30)),
        ("cats/2.png", "lime", (40, 30)),
        ("ants/x/1.png", "blue", (10, 30)),
    ]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(encode(colour, size=size))
    return root


def test_without_labels(folder, tmp_path):
    source = image_folder.open_source(folder, image_size=16, cache_dir=tmp_path / "cache")
    assert (source.name, source.shape, len(source), source.classes) == (
        "images",
        (16, 16, 3),
        3,
        (),
    )
    colours = source.read(np.arange(3))[:, 8, 8].tolist()
    assert colours == [[0, 0, 255], [255, 0, 0], [0, 255, 0]]
    assert source.warnings == ("enlarging 1 image smaller than 16 pixels",)
    assert not list(folder.glob("*.npy"))


def test_labels_from_folders(folder, tmp_path):
    source = image_folder.open_source(
        folder, image_size=8, labels_from_folders=True, cache_dir=tmp_path / "cache"
    )
    assert source.classes == ("ants", "cats")
    assert source.labels(np.array([2, 1, 0])).tolist() == [1, 1, 0]
    assert source.labels(np.arange(3)).dtype == np.int32


def test_an_image_without_a_folder_has_no_label(folder, tmp_path, encode):
    (folder / "stray.png").write_bytes(encode())
    with pytest.raises(UserError, match=r"stray\.png is outside"):
        image_folder.open_source(
            folder, image_size=8, labels_from_folders=True, cache_dir=tmp_path / "cache"
        )


@pytest.mark.parametrize(
    ("names", "refused"),
    [
        (["train", "val"], "train, val"),
        (["training", "validation", "testing"], "training, testing, validation"),
        (["Train", "test", "cats"], "Train, test"),
        (["valid"], "valid"),
        (["airplane", "train"], ""),
        (["exam", "test"], ""),
    ],
)
def test_splits_are_no_classes(tmp_path, encode, names, refused):
    for name in names:
        (tmp_path / "p" / name).mkdir(parents=True)
        (tmp_path / "p" / name / "1.png").write_bytes(encode())
    options = {"image_size": 8, "labels_from_folders": True, "cache_dir": tmp_path / "cache"}
    if not refused:
        assert image_folder.open_source(tmp_path / "p", **options).classes == tuple(names)
        return
    with pytest.raises(UserError, match=f"sub-folders {refused} are named as splits"):
        image_folder.open_source(tmp_path / "p", **options)


@pytest.mark.parametrize("name", ["1.tif", "1.png"])
def test_a_class_of_which_nothing_can_be_read(folder, tmp_path, name):
    (folder / "bees").mkdir()
    (folder / "bees" / name).write_bytes(b"x")
    options = {"image_size": 8, "cache_dir": tmp_path / "cache"}
    with pytest.raises(UserError, match="no image of the class bees can be read"):
        image_folder.open_source(folder, labels_from_folders=True, **options)
    assert len(image_folder.open_source(folder, **options)) == 3


def test_a_damaged_image_never_shows_another_class(tmp_path, encode, noise):
    """The last file of a class is followed by the first of the next class."""
    root = tmp_path / "p"
    for number, name in enumerate(["a/1.png", "a/2.png", "a/3.png", "b/1.png", "b/2.png"]):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(encode(noise(number)))
    options = {"image_size": 8, "labels_from_folders": True, "cache_dir": tmp_path / "cache"}
    before = image_folder.open_source(root, **options).read(np.arange(5))
    for name in ("a/3.png", "b/2.png"):  # The header stays whole.
        content = (root / name).read_bytes()
        (root / name).write_bytes(content[:-30])
    source = image_folder.open_source(root, **options)
    after = source.read(np.arange(5))
    np.testing.assert_array_equal(after, before[[0, 1, 0, 3, 3]])
    (line,) = source.new_warnings()
    assert "2 images so far cannot be decoded, replaced by the next of the same class" in line
    assert "a/3.png (" in line and "b/2.png (" in line
    assert source.new_warnings() == []
    (root / "b/1.png").write_bytes((root / "b/1.png").read_bytes()[:-30])
    alone = image_folder.open_source(root, **options)
    with pytest.raises(
        UserError, match=r"b/1\.png and all following ones in the class b cannot be"
    ):
        alone.read(np.array([3]))


def test_grey(folder, tmp_path):
    source = image_folder.open_source(
        folder, image_size=8, channels=1, cache_dir=tmp_path / "cache"
    )
    assert source.read(np.array([1])).shape == (1, 8, 8, 1)
    assert source.read(np.array([1])).max() == 76  # The luma of red.


def test_what_is_no_folder_of_images(folder, tmp_path):
    (tmp_path / "x.zip").write_bytes(b"x")
    (tmp_path / "lmdb").mkdir()
    (tmp_path / "lmdb" / "data.mdb").write_bytes(b"x")
    for place, message in [
        (None, "needs --data_dir"),
        (tmp_path / "gone", "no such folder"),
        (tmp_path / "x.zip", "unpack it first"),
        (tmp_path / "lmdb", "--dataset=lsun"),
    ]:
        with pytest.raises(UserError, match=message):
            image_folder.open_source(place, image_size=8, cache_dir=tmp_path / "cache")


def test_an_image_replaced_by_a_fifo_is_not_waited_for(folder, tmp_path):
    source = image_folder.open_source(folder, image_size=8, cache_dir=tmp_path / "cache")
    path = folder / "cats" / "1.png"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UserError) as caught:
        source.read(np.array([0, 1]))
    assert str(caught.value) == (
        f"{path}: expected a regular file, found a FIFO or a device; give the file itself"
    )
    assert source.read(np.array([0, 2])).shape == (2, 8, 8, 3)
