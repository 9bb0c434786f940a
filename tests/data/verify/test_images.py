"""Reports on sets of images."""

from __future__ import annotations

import zipfile

import pytest

from lsgan_tf.data.images import decode, prepare_shards
from lsgan_tf.data.images.shards import Preprocessing
from lsgan_tf.data.lsun import source as lsun
from lsgan_tf.data.lsun.lmdb_records import open_lmdb
from lsgan_tf.data.verify import images as verify_images
from lsgan_tf.errors import UserError

pytestmark = pytest.mark.fast


@pytest.fixture
def report(tmp_path):
    def report(path, **options):
        assert verify_images.detect(path)
        lines, fine = verify_images.report(path, cache_dir=tmp_path / "cache", **options)
        return "\n".join(lines), fine

    return report


def test_databases_below_a_folder(tmp_path, write_lmdb, bedrooms, report):
    write_lmdb(tmp_path / "lsun" / "bedroom_train_lmdb", bedrooms)
    write_lmdb(tmp_path / "lsun" / "kitchen_train_lmdb", {b"a": b"", **bedrooms})
    text, fine = report(tmp_path / "lsun")
    assert not fine
    assert "decoded 30 of 30: 0 cannot be decoded" in text
    assert "formats: jpeg 15, webp 15; colours: RGB 30" in text
    assert "width: 24 to 24 pixels, median 24" in text
    assert "decoded 31 of 31: 1 cannot be decoded" in text
    assert "  a (empty)" in text
    assert "replace or delete them" in text and "no harm" not in text


def test_a_sample(tmp_path, write_lmdb, bedrooms, report):
    folder = write_lmdb(tmp_path / "bedroom_train_lmdb", bedrooms)
    for path in (folder, folder / "data.mdb"):
        text, fine = report(path, most=10)
        assert "decoded 10 of 30" in text
        assert fine


def test_a_folder(tmp_path, encode, report):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "good.png").write_bytes(encode())
    assert report(tmp_path / "p")[1]
    (tmp_path / "p" / "bad.png").write_bytes(b"x")
    text, fine = report(tmp_path / "p")
    assert not fine
    assert "bad.png (no JPEG" in text


def test_a_class_without_extensions_is_reported(tmp_path, encode, report):
    for name in ("a/1.png", "b/1"):
        (tmp_path / "p" / name).parent.mkdir(parents=True)
        (tmp_path / "p" / name).write_bytes(encode())
    text, fine = report(tmp_path / "p")
    assert not fine
    assert "p: none of the images in b can be used; repair them, convert them" in text


def test_links_to_missing_images_are_reported(tmp_path, encode, report):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "good.png").write_bytes(encode())
    (tmp_path / "p" / "gone.png").symlink_to("elsewhere.png")
    text, fine = report(tmp_path / "p")
    assert not fine
    assert "gone.png (a link to a missing file)" in text


def test_shards(tmp_path, write_lmdb, bedrooms, report):
    source = write_lmdb(tmp_path / "bedroom_train_lmdb", bedrooms)
    out = tmp_path / "out"
    prepare_shards.prepare(
        open_lmdb(source, cache_dir=tmp_path),
        out,
        category="bedroom",
        split="train",
        preprocessing=Preprocessing(8, False, decode.RESIZE, "jpeg", 95),
        shard_images=20,
        workers=1,
    )
    assert verify_images.unused_options(source) == ()
    assert verify_images.unused_options(out) == ("cache_dir",)
    text, fine = report(out)
    assert fine
    assert "30 images (8x8, squashed) in 2 shards" in text
    path = out / "shard-00001-of-00002.tfrecord"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    text, fine = report(out)
    assert not fine
    assert "shard-00001-of-00002.tfrecord: SHA-256 differs" in text
    (out / "manifest.json").unlink()
    text, fine = report(out)
    assert not fine
    assert "not finished" in text


def test_zips(tmp_path, write_lmdb, bedrooms, report):
    folder = write_lmdb(tmp_path / "made" / "x", bedrooms)
    path = tmp_path / "zips" / "bedroom_train_lmdb.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(folder / "data.mdb", "bedroom_train_lmdb/data.mdb")
    for place in (path, path.parent):
        text, fine = report(place)
        assert fine
        assert "its CRC is correct" in text
        assert verify_images.unused_options(place) == ("most", "cache_dir")
    content = bytearray(path.read_bytes())
    content[9000] ^= 1
    path.write_bytes(content)
    text, fine = report(path)
    assert not fine
    assert "damaged" in text


def test_nothing(tmp_path):
    (tmp_path / "x.txt").write_text("x")
    for place in (tmp_path, tmp_path / "x.txt", tmp_path / "gone"):
        assert not verify_images.detect(place)
        assert verify_images.unused_options(place) == ()
        assert not verify_images.report(place, cache_dir=tmp_path)[1]


def test_a_zip_of_two_databases(tmp_path, report):
    path = tmp_path / "bedroom_train_lmdb.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.mdb", b"x")
        archive.writestr("b/data.mdb", b"x")
    text, fine = report(path)
    assert not fine
    assert "expected one data.mdb in LSUN's zip, found 2" in text


@pytest.mark.parametrize("content", [b"", b"x", b"JUNK" * 4000])
def test_a_zip_of_something_else(tmp_path, report, content):
    path = tmp_path / "bedroom_train_lmdb.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bedroom_train_lmdb/data.mdb", content)
    text, fine = report(path)
    assert not fine
    assert "bedroom_train_lmdb/data.mdb is not an LMDB" in text
    with pytest.raises(UserError, match="is not an LMDB"):
        lsun.unpacked(path, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_two_kinds_in_one_folder(tmp_path, write_lmdb, bedrooms, encode, report):
    folder = write_lmdb(tmp_path / "bedroom_train_lmdb", bedrooms)
    (folder / "x.png").write_bytes(encode())
    text, fine = report(tmp_path)
    assert not fine
    assert "two kinds of data in one folder, an LMDB and images (data.mdb and x.png)" in text
