"""The tensorflow-datasets builder on small `.gnt` files, in a folder and in an archive."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

from lsgan_tf.data.formats import gnt
from lsgan_tf.data.hwdb.gb2312 import LEVEL1
from lsgan_tf.data.hwdb.tfds_builder import HwdbGnt


def picture(seed, height, width):
    return np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)


@pytest.fixture
def manual(tmp_path):
    folder = tmp_path / "manual"
    (folder / "test").mkdir(parents=True)
    gnt.write(folder / "a.gnt", [("啊", picture(0, 5, 7)), ("!", picture(1, 4, 4))])
    gnt.write(folder / "test" / "b.gnt", [("座", picture(2, 9, 3))])
    gnt.write(tmp_path / "c.gnt", [("安", picture(3, 6, 6))])
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.write(tmp_path / "c.gnt", "deep/c.gnt")
    return folder


def test_every_level_1_character_comes_back(manual, tmp_path):
    config = tfds.download.DownloadConfig(manual_dir=str(manual))
    builder = HwdbGnt(data_dir=str(tmp_path / "tfds"))
    builder.download_and_prepare(download_config=config)
    train = sorted(tfds.as_numpy(builder.as_dataset(split="train")), key=lambda e: e["file"])
    assert [e["file"].decode() for e in train] == ["a.gnt", "more.zip/deep/c.gnt"]
    assert [LEVEL1[e["label"]] for e in train] == ["啊", "安"]
    np.testing.assert_array_equal(train[0]["image"][..., 0], picture(0, 5, 7))
    np.testing.assert_array_equal(train[1]["image"][..., 0], picture(3, 6, 6))
    (test,) = tfds.as_numpy(builder.as_dataset(split="test"))
    assert LEVEL1[test["label"]] == "座" and test["image"].shape == (9, 3, 1)


def test_it_can_be_loaded_by_name(manual, tmp_path):
    """The example of the docs."""
    assert "hwdb_gnt" in tfds.list_builders(with_community_datasets=False)
    page = (Path(__file__).parents[3] / "docs" / "library.md").read_text("utf-8")
    (block,) = re.findall(r"^```python skip\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert "/data/HWDB1.0" in block and 'split="train",' in block
    block = block.replace("/data/HWDB1.0", str(manual))
    block = block.replace('split="train",', f'split="train", data_dir={str(tmp_path / "tfds")!r},')
    names = {}
    exec(block, names)
    labels = sorted(int(example["label"]) for example in tfds.as_numpy(names["characters"]))
    assert [LEVEL1[label] for label in labels] == ["啊", "安"]
