"""Folders of image files."""

from __future__ import annotations

import gc
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import pytest

from lsgan_tf.data.images import image_files
from lsgan_tf.data.images.records import sampled
from lsgan_tf.errors import UserError

pytestmark = pytest.mark.fast


@pytest.fixture
def folder(tmp_path, encode):
    root = tmp_path / "pictures"
    for name, kind in [
        ("b/2.png", "PNG"),
        ("b/10.JPG", "JPEG"),
        ("a/deep/er/x.webp", "WEBP"),
        ("top.gif", "GIF"),
        ("Ünicode é.bmp", "BMP"),
    ]:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(kind=kind, size=(8, 20)))
    return root


NAMES = ["a/deep/er/x.webp", "b/10.JPG", "b/2.png", "top.gif", "Ünicode é.bmp"]


def names(records):
    return [records.name_of(index) for index in range(len(records))]


def test_nested_files_in_the_order_of_their_names(folder, tmp_path):
    records = image_files.open_folder(folder, cache_dir=tmp_path / "cache")
    assert names(records) == NAMES
    assert records.content(2) == (folder / "b/2.png").read_bytes()
    assert list(records.folders()) == ["a", "b", "b", "", ""]
    assert records.smaller_than(9) == 5
    assert records.smaller_than(8) == 0
    again = pickle.loads(pickle.dumps(records))
    assert names(again) == NAMES


def test_hidden_and_other_files(folder, tmp_path, encode):
    (folder / ".hidden.png").write_bytes(encode())
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "x.png").write_bytes(b"")
    (folder / "readme.txt").write_text("x")
    records = image_files.open_folder(folder, cache_dir=tmp_path / "cache")
    assert names(records) == NAMES
    assert "ignored 1 file without an image extension" in records.warnings[0]


def test_undecodable_files_are_counted_and_named(folder, tmp_path):
    for number in range(7):
        (folder / f"bad{number}.jpg").write_bytes(b"no image" if number else b"")
    records = image_files.open_folder(folder, cache_dir=tmp_path / "cache")
    assert names(records) == NAMES
    (warning,) = records.warnings
    assert "left out 7 files that cannot be decoded: bad0.jpg (empty), bad1.jpg" in warning
    assert warning.endswith("...")


def test_images_that_are_not_read_are_counted(folder, tmp_path):
    for name in ("b/x.tif", "b/y.TIF", "z.heic"):
        (folder / name).write_bytes(b"x")
    records = image_files.open_folder(folder, cache_dir=tmp_path / "cache")
    assert names(records) == NAMES
    (warning,) = records.warnings
    assert "unsupported formats are left out (1 .heic, 2 .tif)" in warning


def test_images_with_another_extension_are_counted(folder, tmp_path):
    (folder / "c").mkdir()
    for name in ("c/0001", "c/0002", "b/2.png.bak"):
        shutil.copy(folder / "b/2.png", folder / name)
    records = image_files.open_folder(folder, cache_dir=tmp_path / "cache")
    assert names(records) == NAMES
    (warning,) = records.warnings
    assert "are left out (1 .bak, 2 without extension)" in warning
    assert records.metadata.unusable == ["c"]


def test_empty_folders_are_named(folder, tmp_path):
    (folder / "b" / "c").mkdir()
    (folder / "d").mkdir()
    records = image_files.open_folder(folder, cache_dir=tmp_path / "cache")
    assert names(records) == NAMES
    (warning,) = records.warnings
    assert "left out: b/c (an empty folder), d (an empty folder)" in warning


@pytest.mark.parametrize("name", ["download", "b/more.dat"])
def test_an_archive_without_its_extension(folder, tmp_path, name):
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr("1.png", b"x")
    with pytest.raises(UserError, match=f"{name} is a zip archive; unpack it first"):
        image_files.open_folder(folder, cache_dir=tmp_path / "cache")
    (folder / name).rename(folder / "labels.xlsx")
    assert names(image_files.open_folder(folder, cache_dir=tmp_path / "cache")) == NAMES


def test_a_zip_without_images_is_another_file(folder, tmp_path):
    with zipfile.ZipFile(folder / "weights.bin", "w") as archive:
        archive.writestr("weights/data.pkl", b"x")
    records = image_files.open_folder(folder, cache_dir=tmp_path / "cache")
    assert names(records) == NAMES
    assert records.metadata.other == 1


@pytest.mark.parametrize(
    "name",
    ["more.rar", "more.7z", "b/more.tar.xz", "more.alz", "more.egg", "z.png.gz", "x.zip.001"],
)
def test_an_archive_among_images(folder, tmp_path, name):
    (folder / name).write_bytes(b"x")
    with pytest.raises(UserError, match=f"{name} is .* unpack it first"):
        image_files.open_folder(folder, cache_dir=tmp_path / "cache")
    if name == "z.png.gz":
        shutil.copy(folder / "b/2.png", folder / "z.png")
    else:
        unpacked = folder / name.split(".")[0]
        unpacked.mkdir()
        (unpacked / "x.txt").write_text("x")
    records = image_files.open_folder(folder, cache_dir=tmp_path / "cache")
    assert f"{name} (an unpacked archive)" in records.warnings[-1]


@pytest.mark.parametrize(
    ("member", "message"),
    [("x/1.jpg", "a zip archive"), ("inner.rar", "a zip archive"), ("a.txt", "")],
)
def test_a_zip_among_images(folder, tmp_path, member, message):
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.writestr(member, b"x")
    if not message:
        assert names(image_files.open_folder(folder, cache_dir=tmp_path / "cache")) == NAMES
        return
    with pytest.raises(UserError, match=rf"more\.zip is {message}"):
        image_files.open_folder(folder, cache_dir=tmp_path / "cache")


def test_held_out_folders_are_noticed(tmp_path, encode):
    root = tmp_path / "p"
    for name in ("train/1.png", "val2017/2.png", "val2017/3.png", "x/testing/4.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(encode())
    (warning,) = image_files.open_folder(root, cache_dir=tmp_path / "cache").warnings
    assert "using 3 images in folders named as validation or test sets (val2017)" in warning


def test_a_wrong_ending_does_not_matter(tmp_path, encode):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "x.jpg").write_bytes(encode(kind="WEBP"))
    assert len(image_files.open_folder(tmp_path / "p", cache_dir=tmp_path / "cache")) == 1


def test_links_that_lead_back_up(folder, tmp_path):
    (folder / "a" / "loop").symlink_to(folder, target_is_directory=True)
    records = image_files.open_folder(folder, cache_dir=tmp_path / "cache")
    assert names(records) == NAMES
    records = image_files.open_folder(folder / "a", cache_dir=tmp_path / "cache")
    assert names(records) == ["deep/er/x.webp"]


def test_links_that_lead_nowhere(folder, tmp_path):
    (folder / "self").symlink_to("self")
    (folder / "b" / "gone.png").symlink_to(tmp_path / "gone.png")
    records = image_files.open_folder(folder, cache_dir=tmp_path / "cache")
    assert names(records) == NAMES
    assert records.metadata.bad_names == [["b/gone.png", "a link to a missing file"]]


def test_the_index_is_kept_until_something_changes(folder, tmp_path, encode):
    cache = tmp_path / "cache" / "image_folders"
    image_files.open_folder(folder, cache_dir=tmp_path / "cache")
    (index,) = filter(Path.is_dir, cache.iterdir())
    made = (index / "facts.json").stat().st_mtime_ns
    image_files.open_folder(folder, cache_dir=tmp_path / "cache")
    assert (index / "facts.json").stat().st_mtime_ns == made
    (index / "sides.npy").write_bytes(b"damaged")
    assert len(image_files.open_folder(folder, cache_dir=tmp_path / "cache")) == 5
    (folder / "new.png").write_bytes(encode())
    assert len(image_files.open_folder(folder, cache_dir=tmp_path / "cache")) == 6
    gc.collect()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("names/strings.bin", b"b/2.png", b"b/3.png"),
        ("sides.npy", b"\x08\0", b"\x09\0"),
        ("facts.json", b'"other": 0', b'"other": 7'),
        ("facts.json", b'"bad_names": []', b'"bad_names": [["a"]]'),
    ],
)
def test_an_altered_index_is_made_again(folder, tmp_path, file, old, new):
    fingerprint = image_files.open_folder(folder, cache_dir=tmp_path / "cache").fingerprint()
    (path,) = (tmp_path / "cache" / "image_folders").glob(f"*/{file}")
    intact = path.read_bytes()
    assert old in intact
    path.write_bytes(intact.replace(old, new))
    records = image_files.open_folder(folder, cache_dir=tmp_path / "cache")
    assert names(records) == NAMES and records.fingerprint() == fingerprint
    assert path.read_bytes() == intact


def test_the_fingerprint_is_of_the_content(folder, tmp_path):
    def fingerprint(root):
        return image_files.open_folder(root, cache_dir=tmp_path / "cache").fingerprint()

    original = fingerprint(folder)
    copy = tmp_path / "elsewhere" / "copy"
    shutil.copytree(folder, copy)
    assert fingerprint(copy) == original
    (copy / "top.gif").rename(copy / "tip.gif")
    assert fingerprint(copy) != original
    (copy / "tip.gif").rename(copy / "top.gif")
    content = bytearray((copy / "b/2.png").read_bytes())
    content[-1] ^= 1
    (copy / "b/2.png").write_bytes(content)
    os.utime(copy / "b/2.png", ns=(1, 1))
    assert fingerprint(copy) != original


def test_a_change_in_any_file_changes_the_fingerprint(tmp_path):
    """For example half of the files painted black, none of them in a sample of 64."""
    from PIL import Image

    root, cache = tmp_path / "p", tmp_path / "cache"
    root.mkdir()
    for number in range(150):
        Image.new("RGB", (8, 8), (number, 100, 200)).save(root / f"{number:03d}.bmp")
    before = image_files.open_folder(root, cache_dir=cache)
    looked_at = set(sampled(before, 64))
    unseen = [number for number in range(150) if number not in looked_at]
    for number in unseen:
        path = root / f"{number:03d}.bmp"
        times = path.stat().st_mtime_ns
        Image.new("RGB", (8, 8)).save(path)
        os.utime(path, ns=(times, times))  # Even so.
    after = image_files.open_folder(root, cache_dir=cache)
    assert before.former_fingerprint() == after.former_fingerprint()
    assert before.fingerprint() != after.fingerprint()


def test_large_files_belong_to_the_fingerprint(tmp_path):
    from PIL import Image

    root, cache = tmp_path / "p", tmp_path / "cache"
    root.mkdir()
    Image.new("RGB", (1000, 1000), "white").save(root / "a.bmp")
    before = image_files.open_folder(root, cache_dir=cache).fingerprint()
    Image.new("RGB", (1000, 1000), "black").save(root / "a.bmp")
    assert image_files.open_folder(root, cache_dir=cache).fingerprint() != before


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "found nothing"),
        ({"a.txt": b"x"}, "0 undecodable and 1 other"),
        ({"a.png": b"x"}, "1 undecodable and 0 other"),
        ({"a.tif": b"x", "b.HEIC": b"x"}, r"2 images in unsupported formats \(.heic, .tif\)"),
        ({"a.png": b"x", "data.mdb": b"x"}, "two kinds of data"),
    ],
)
def test_folders_without_images(tmp_path, files, message):
    root = tmp_path / "p"
    root.mkdir()
    for name, content in files.items():
        (root / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        image_files.open_folder(root, cache_dir=tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.npy"))


def test_no_such_folder(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        image_files.open_folder(tmp_path / "gone", cache_dir=tmp_path)


def test_first_image_stops_early(folder, tmp_path):
    assert image_files.first_image(folder) == "a/deep/er/x.webp"
    (tmp_path / "empty").mkdir()
    assert image_files.first_image(tmp_path / "empty") is None
