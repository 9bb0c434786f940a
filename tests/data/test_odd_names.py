"""Data with paths that are not UTF-8, such as GBK names."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lsgan_tf.data.cifar10 import source as cifar10
from lsgan_tf.data.formats import gnt
from lsgan_tf.data.hwdb import gnt_files
from lsgan_tf.data.hwdb import source as hwdb
from lsgan_tf.data.images import decode, prepare_shards, shards
from lsgan_tf.data.images import source as image_folder
from lsgan_tf.data.lsun import source as lsun
from lsgan_tf.data.verify import hwdb as verify_hwdb
from lsgan_tf.data.verify import images as verify_images

pytestmark = pytest.mark.fast

ODD = os.fsdecode("汉字".encode("gbk"))
TOOL = Path(__file__).parents[2] / "tools" / "verify_data.py"


@pytest.fixture
def root(tmp_path):
    (tmp_path / ODD).mkdir()
    return tmp_path / ODD


@pytest.fixture
def cache(tmp_path):
    return tmp_path / f"cache {ODD}"


def bitmaps(text):
    return [(character, np.full((4, 3), 99, np.uint8)) for character in text]


def test_characters(root, cache):
    gnt.write(root / ODD / f"{ODD}.gnt", bitmaps("安啊安"))
    source = hwdb.open_source(root, cache_dir=cache)
    assert (len(source), source.classes) == (3, ("啊", "安"))
    assert hwdb.open_source(root, cache_dir=cache).fingerprint == source.fingerprint
    lines, fine = verify_hwdb.report(root)
    assert fine and any("train split: 3 images" in line for line in lines)


def test_characters_in_a_zip_with_names_in_gbk(tmp_path, cache):
    """Without the UTF-8 flag, names are decoded as GBK."""
    gnt.write(tmp_path / "a.gnt", bitmaps("安"))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.gnt", "XXXX/1.gnt")
    path = tmp_path / "x" / "a.zip"
    path.parent.mkdir()
    path.write_bytes((tmp_path / "a.zip").read_bytes().replace(b"XXXX", "汉字".encode("gbk")))
    assert len(hwdb.open_source(path.parent, cache_dir=cache)) == 1
    # A name flagged as UTF-8 that is not UTF-8 is damaged.
    content = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        content[content.index(mark) + at] |= 0x08
    path.write_bytes(content)
    with pytest.raises(Exception, match="damaged archive") as caught:
        gnt_files.find(path)
    assert type(caught.value).__name__ == "UserError"


def test_images_and_classes(root, cache, encode, noise):
    for name in ("ants", ODD):
        (root / name).mkdir()
        (root / name / f"{ODD}.png").write_bytes(encode())
    options = {"image_size": 8, "cache_dir": cache, "labels_from_folders": True}
    source = image_folder.open_source(root, **options)
    assert source.classes == ("ants", r"\xba\xba\xd7\xd6")
    assert source.read(np.arange(2)).shape == (2, 8, 8, 3)
    "\n".join(source.classes).encode("utf-8")
    (root / "ants" / f"{ODD}2.png").write_bytes(encode(noise(1))[:-30])
    damaged = image_folder.open_source(root, **options)
    damaged.read(np.arange(3))
    "\n".join(damaged.new_warnings()).encode("utf-8")
    lines, fine = verify_images.report(root, cache_dir=cache)
    assert not fine and any("1 cannot be decoded" in line for line in lines)


def test_databases_and_what_is_prepared_of_them(root, cache, write_lmdb, bedrooms):
    folder = root / "bedroom_train_lmdb"
    write_lmdb(root.parent / "x", bedrooms).rename(folder)
    records = lsun.open_records(folder, category="bedroom", cache_dir=cache)
    assert len(records) == 30
    prepare_shards.prepare(
        records,
        root / "out",
        category="bedroom",
        split="train",
        preprocessing=shards.Preprocessing(8, False, decode.RESIZE, "png", 0),
        workers=1,
    )
    source = lsun.open_source(root / "out", category="bedroom", image_size=8)
    assert source.read(np.arange(30)).shape == (30, 8, 8, 3)


def test_cifar10(root, monkeypatch):
    from lsgan_tf.data.cifar10 import batches as cifar10_batches

    monkeypatch.setattr(cifar10_batches, "IMAGES_PER_BATCH", 20)
    for batch in cifar10_batches.SPLITS["train"]:
        (root / f"{batch}.bin").write_bytes(bytes(20 * 3073))
    assert len(cifar10.open_source(root)) == 100


def test_the_report_of_a_command(root):
    gnt.write(root / "a.gnt", bitmaps("安"))
    done = subprocess.run(
        [sys.executable, TOOL, f"--data_dir={root}"], capture_output=True, text=True
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert "intact: train with --dataset=hwdb" in done.stdout
