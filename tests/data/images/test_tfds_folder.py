"""Folders of tensorflow-datasets that somebody else wrote: nothing is imported, little is open."""

from __future__ import annotations

import io
import json
import os
import resource
import sys
from pathlib import Path

import numpy as np
import pytest

from lsgan_tf.data.cifar10 import source as cifar10
from lsgan_tf.data.formats.tfrecords import frame
from lsgan_tf.data.images import tfds_folder
from lsgan_tf.errors import UserError

SHARDS = 150
FEATURES = "tensorflow_datasets.core.features."


@pytest.fixture
def prepared(tmp_path, encode, noise):
    """A dataset with an image in each of many shards."""
    tfds = pytest.importorskip("tensorflow_datasets")
    from tensorflow.core.example.example_pb2 import Example

    rows = [(0, {"id": "0", "image": io.BytesIO(encode(noise(0)))})]
    features = tfds.features.FeaturesDict(
        {"id": tfds.features.Text(), "image": tfds.features.Image(encoding_format="png")}
    )
    folder = tmp_path / "tfds" / "lsun" / "bedroom" / "3.1.0"
    tfds.dataset_builders.store_as_tfds_dataset(
        name="lsun",
        version="3.1.0",
        config="bedroom",
        features=features,
        split_datasets={"train": rows},
        data_dir=str(tmp_path / "tfds"),
    )
    for path in folder.glob("*tfrecord*"):
        path.unlink()
    for number in range(SHARDS):
        example = Example()
        example.features.feature["image"].bytes_list.value.append(encode(noise(number)))
        path = folder / f"lsun-train.tfrecord-{number:05d}-of-{SHARDS:05d}"
        path.write_bytes(frame(example.SerializeToString()))
    metadata = json.loads((folder / "dataset_info.json").read_text())
    metadata["splits"][0]["shardLengths"] = ["1"] * SHARDS
    (folder / "dataset_info.json").write_text(json.dumps(metadata))
    return folder


def test_more_shards_than_files_may_be_open(prepared, tmp_path, encode, noise):
    tfds_folder.open_images(prepared, "train", cache_dir=tmp_path / "cache").content(0)
    used = len(os.listdir("/dev/fd"))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 20, limits[1]))
    try:
        for _ in range(2):  # indexed now, and found indexed
            cache = tmp_path / "another cache"
            records = tfds_folder.open_images(prepared, "train", cache_dir=cache)
            assert len(records) == SHARDS
            contents = [records.content(index) for index in range(SHARDS)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert contents == [encode(noise(number)) for number in range(SHARDS)]


def foreign(features, name):
    features["featuresDict"]["features"]["image"]["pythonClassName"] = name


def snake_case(features, name):
    del features["pythonClassName"]
    features["python_class_name"] = name


def legacy(features, name):
    features.clear()
    features.update(type=name, content={})


def within_a_text(features, name):
    inner = json.dumps({"feature": {"type": name, "content": "{}"}})
    image = {"pythonClassName": FEATURES + "sequence_feature.Sequence"}
    features["featuresDict"]["features"]["image"] = image | {"jsonFeature": {"json": inner}}


@pytest.mark.parametrize("alter", [foreign, snake_case, legacy, within_a_text])
def test_a_module_that_features_json_names_is_not_imported(prepared, tmp_path, monkeypatch, alter):
    (tmp_path / "planted.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    path = prepared / "features.json"
    features = json.loads(path.read_text())
    alter(features, "planted.Image")
    path.write_text(json.dumps(features))
    with pytest.raises(UserError, match=r"features\.json: names 'planted\.Image'"):
        tfds_folder.open_images(prepared, "train", cache_dir=tmp_path / "cache")
    with pytest.raises(UserError, match=r"features\.json: names 'planted\.Image'"):
        cifar10._from_tfds(prepared, "train")
    assert "planted" not in sys.modules


@pytest.mark.parametrize("name", ["dataset_info.json", "features.json"])
@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"3", b'{"splits": 3}', b'{"splits": [3]}', b"[" * 100_000, b'{"name": [1]}'],
)
def test_other_content_is_told_in_one_line(prepared, tmp_path, name, content):
    (prepared / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        tfds_folder.open_images(prepared, "train", cache_dir=tmp_path / "cache")
    assert str(prepared) in str(caught.value)


def test_a_template_that_leads_out_of_the_folder_is_not_followed(prepared, tmp_path):
    path = prepared / "dataset_info.json"
    metadata = json.loads(path.read_text())
    metadata["splits"][0]["filepathTemplate"] = (
        "../../{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
    )
    path.write_text(json.dumps(metadata))
    with pytest.raises(UserError, match="expected TFRecord files"):
        tfds_folder.open_images(prepared, "train", cache_dir=tmp_path / "cache")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda index: np.save(index / "offsets.npy", np.zeros(SHARDS)),
        lambda index: np.save(index / "first.npy", np.zeros((2, 2), np.int64)),
        lambda index: np.save(index / "first.npy", np.arange(SHARDS + 1)[::-1].copy()),
        lambda index: (index / "offsets.npy").write_bytes(b""),
        lambda index: os.unlink(index / "first.npy") or os.mkfifo(index / "first.npy"),
        lambda index: np.save(index / "first.npy", np.full(SHARDS + 1, SHARDS)),
        lambda index: np.save(index / "offsets.npy", np.resize([-5, 7, 1 << 62], SHARDS)),
        lambda index: os.unlink(index / "digest.npy"),  # as earlier versions wrote it
        lambda index: (index / "content.npy").write_bytes(b""),
        lambda index: os.unlink(index / "content.npy") or os.mkfifo(index / "content.npy"),
    ],
)
def test_a_damaged_index_is_made_again(prepared, tmp_path, spoil):
    cache = tmp_path / "cache"
    first = tfds_folder.open_images(prepared, "train", cache_dir=cache).content(3)
    (index,) = filter(Path.is_dir, (cache / "tfds_offsets").iterdir())
    spoil(index)
    records = tfds_folder.open_images(prepared, "train", cache_dir=cache)
    assert records.content(3) == first
