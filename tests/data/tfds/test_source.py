"""`--dataset=tfds`."""

from __future__ import annotations

import json
import pickle
import shutil
import sys

import numpy as np
import pytest
import spawning
import tensorflow_datasets as tfds
from run_differences import differences

from lsgan_tf.config import resolve
from lsgan_tf.data import open_source as open_by_config
from lsgan_tf.data.images import tfds_folder
from lsgan_tf.data.tfds.source import open_source
from lsgan_tf.errors import UserError
from lsgan_tf.metrics.real import open_splits

SIZE = 10


@pytest.fixture
def opened(prepared, tmp_path):
    """Opens a split at the images' own size."""

    def opened(name="marks", split="train", *, folder=prepared, **options):
        options = {"image_size": SIZE, "cache_dir": tmp_path / "cache", **options}
        return open_source(folder, name=name, split=split, **options)

    return opened


def test_grey_with_labels(opened, prepared, image):
    source = opened(labelled=True)
    assert (source.name, source.shape, len(source)) == ("tfds", (SIZE, SIZE, 1), 24)
    assert source.classes == ("one", "two", "安")
    expected = np.stack([image(n, 1) for n in range(24)])
    np.testing.assert_array_equal(source.read(np.arange(24)), expected)
    np.testing.assert_array_equal(source.read(np.array([7, 2])), expected[[7, 2]])
    assert source.labels(np.array([0, 1, 2, 4])).tolist() == [0, 1, 2, 1]
    assert source.description == (
        "marks 1.0.0, train: 24 images prepared by tensorflow-datasets in "
        f"{prepared / 'marks' / '1.0.0'}, 3 classes"
    )
    assert source.warnings == ()


def test_colour_without_labels(opened, image):
    source = opened("things/small")
    assert (source.shape, source.classes) == ((SIZE, SIZE, 3), ())
    np.testing.assert_array_equal(source.read(np.array([5]))[0], image(5))
    assert source.labels(np.array([5])).tolist() == [0]


def test_labels_of_several_kinds(opened):
    with pytest.raises(UserError, match=r"choose one with --tfds_label: colour \(ClassL.*, kind"):
        opened("things/small", labelled=True)
    source = opened("things/small", labelled=True, label="colour")
    assert source.classes == ("red", "green", "blue", "grey")
    assert source.labels(np.arange(6)).tolist() == [0, 1, 2, 3, 0, 1]
    assert opened("things/small", labelled=True, label="kind").classes == ("0", "1")


def test_another_size(opened):
    source = opened(image_size=16)
    assert source.read(np.array([0])).shape == (1, 16, 16, 1)
    assert "images smaller than 16 pixels (24 of 24 sampled)" in source.warnings[0]


def test_parts_of_splits(opened, image):
    whole = opened(labelled=True)
    part = opened(split="train[25%:75%]", labelled=True)
    np.testing.assert_array_equal(part.read(np.arange(12)), whole.read(np.arange(6, 18)))
    assert part.labels(np.arange(3)).tolist() == [0, 1, 2]
    both = opened(split="train[:2]+test", labelled=True)
    expected = np.stack([image(n, 1) for n in (0, 1, *range(24, 30))])
    np.testing.assert_array_equal(both.read(np.arange(8)), expected)
    assert len(opened(split="all")) == 30
    found = {opened(split=s).fingerprint for s in ("train", "train[:50%]", "train[50%:]", "test")}
    assert len(found) == 4
    few = opened(split="train[:2]", labelled=True)
    assert few.warnings == ("classes without an image in train[:2]: 1 of 3",)


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ("trian", r"marks has the splits train, test; use one, .*train\[:80%\].*train\+test"),
        ("train[:x]", "no split 'train.:x.' that tensorflow-datasets can read"),
        ("train[:0]", "there is no record in"),
        ("train[", "has the splits"),
        ("train+", "has the splits"),
    ],
)
def test_what_is_no_split(opened, split, said):
    with pytest.raises(UserError, match=said):
        opened(split=split)


def test_the_same_from_every_folder_and_process(opened, prepared, tmp_path):
    first = opened(labelled=True)
    for folder in (prepared / "marks", prepared / "marks" / "1.0.0"):
        assert opened(folder=folder, labelled=True).fingerprint == first.fingerprint
    copy = shutil.copytree(prepared / "marks" / "1.0.0", tmp_path / "a copy")
    source = opened(folder=copy, labelled=True)
    assert source.fingerprint == first.fingerprint
    folder = prepared / "marks" / "1.0.0"
    records = tfds_folder.open_images(folder, "train[:3]", cache_dir=tmp_path / "cache")
    again = pickle.loads(pickle.dumps(records))
    assert (len(again), again.content(2)) == (3, records.content(2))


def test_held_out_is_a_split_that_training_leaves_over(opened, prepared, tmp_path):
    assert len(opened(held_out=True)) == 6
    with pytest.raises(UserError, match="no test or validation split"):
        opened(split="train[:50%]+test", held_out=True)
    given = {"dataset": "tfds", "image_size": SIZE, "data_dir": str(prepared)}
    given["cache_dir"] = str(tmp_path / "cache")
    config = resolve({**given, "tfds_name": "marks", "conditional": True}, {})[0]
    splits = open_splits(config)
    assert (len(splits.train), len(splits.test), splits.held_out) == (24, 6, "test split")
    config = resolve({**given, "tfds_name": "things/small"}, {})[0]
    splits = open_splits(config)
    assert (len(splits.train), len(splits.test)) == (11, 1)
    assert open_by_config(config).shape == (SIZE, SIZE, 3)


def test_images_without_a_label_are_refused(opened, store, tmp_path, image):
    rows = [{"image": image(n), "label": n - 1} for n in range(3)]
    features = {"image": tfds.features.Image(), "label": tfds.features.ClassLabel(num_classes=2)}
    store(tmp_path, "some", {"train": rows[1:], "test": rows}, **features)
    for _ in range(2):  # read, and found in the cache
        with pytest.raises(
            UserError, match=r"--conditional: images of test without a label in label: 1 of 3"
        ):
            opened("some", split="test", folder=tmp_path, labelled=True)
    assert len(opened("some", split="test", folder=tmp_path)) == 3
    with pytest.raises(UserError, match="no test or validation split"):
        opened("some", folder=tmp_path, labelled=True, held_out=True)


def test_a_damaged_file(opened, prepared, tmp_path):
    folder = shutil.copytree(prepared / "marks", tmp_path / "marks")
    (shard,) = folder.glob("*/*train*")
    shard.write_bytes(shard.read_bytes()[:-20])
    with pytest.raises(UserError, match="damaged or truncated"):
        opened(folder=tmp_path)


def test_records_fewer_than_it_says(opened, prepared, tmp_path):
    folder = shutil.copytree(prepared / "marks", tmp_path / "marks")
    (path,) = folder.glob("*/dataset_info.json")
    metadata = json.loads(path.read_text())
    for split in metadata["splits"]:
        split["shardLengths"] = ["40"]
    path.write_text(json.dumps(metadata))
    with pytest.raises(UserError, match="expected 40 records, found 24"):
        opened(split="train[:50%]", folder=tmp_path)


def test_a_module_that_the_folder_names_is_not_imported(opened, prepared, tmp_path, monkeypatch):
    (tmp_path / "planted.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = shutil.copytree(prepared / "marks", tmp_path / "marks")
    (path,) = folder.glob("*/features.json")
    features = json.loads(path.read_text())
    features["featuresDict"]["features"]["image"]["pythonClassName"] = "planted.Image"
    path.write_text(json.dumps(features))
    with pytest.raises(UserError, match=r"features\.json: names 'planted\.Image'"):
        opened(folder=tmp_path)
    assert "planted" not in sys.modules


def test_a_run_and_its_resume(prepared, tmp_path):
    def train(name, steps):
        words = [
            "--dataset=tfds", "--tfds_name=marks", "--conditional", f"--data_dir={prepared}",
            f"--cache_dir={tmp_path / 'cache'}", "--image_size=8", "--z_dim=4", "--label_dim=3",
            "--filters=2", "--batch_size=4", f"--steps={steps}", "--log_every=2",
            "--sample_every=4", "--checkpoint_every=3", "--steps_per_call=2", "--devices=cpu:1",
            "--deterministic", "--noexport_at_end", f"--run_dir={tmp_path / name}",
        ]  # fmt: skip
        process = spawning.start(words, tmp_path / f"{name}.txt")
        process.join()
        assert process.exitcode == 0, (tmp_path / f"{name}.txt").read_text()

    train("straight", 8)
    train("stopped", 3)
    train("stopped", 8)
    log = (tmp_path / "stopped" / "log.txt").read_text(encoding="utf-8")
    assert "resumed at step 3" in log
    assert not (tmp_path / "straight" / "export").exists()  # --noexport_at_end
    assert differences(tmp_path / "straight", tmp_path / "stopped") == []
    classes = json.loads((tmp_path / "straight" / "classes.json").read_text(encoding="utf-8"))
    assert classes == ["one", "two", "安"]
    config = json.loads((tmp_path / "straight" / "config.json").read_text(encoding="utf-8"))
    assert (config["network"], config["data_shape"]) == ("dcgan", [8, 8, 1])
    assert config["data_description"].startswith("marks 1.0.0, train: 24 images")
