"""Where datasets of tensorflow-datasets lie, and how they come there."""

from __future__ import annotations

import errno
import shutil
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from etils import epath

from lsgan_tf.data.tfds.names import parse_name
from lsgan_tf.data.tfds.places import locate
from lsgan_tf.data.tfds.source import open_source
from lsgan_tf.data.verify import images as verify
from lsgan_tf.errors import UserError

pytestmark = pytest.mark.fast


class LocalMarks(tfds.core.GeneratorBasedBuilder):
    """A dataset that is drawn, as one that tensorflow-datasets knows."""

    VERSION = tfds.core.Version("2.0.0")
    pkg_dir_path = epath.Path(__file__).parent

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(8, 8, 1)),
                    "label": tfds.features.ClassLabel(names=["a", "b"]),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for number in range(6):
            yield number, {"image": np.full((8, 8, 1), number, np.uint8), "label": number % 2}


@pytest.fixture(autouse=True)
def no_home(tmp_path, monkeypatch):
    """Nothing is prepared where the user keeps data, and no host answers."""

    def refuse(request, timeout):
        assert timeout < 10
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)


def place(name, data_dir=None, cache=Path("/nonexistent")):
    return locate(parse_name(name), data_dir, cache, lambda info: None)


def test_in_a_folder_and_any_parent(prepared):
    marks = prepared / "marks" / "1.0.0"
    for folder in (prepared, prepared / "marks", marks):
        assert place("marks", folder) == place("marks:1.0.0", folder) == marks
    assert place("things/small", prepared) == prepared / "things" / "small" / "1.0.0"


def test_the_newest_version_or_the_one_that_is_named(prepared, tmp_path):
    for version in ("1.0.0", "1.2.0", "1.10.0"):
        shutil.copytree(prepared / "marks" / "1.0.0", tmp_path / "marks" / version)
    assert place("marks", tmp_path).name == "1.10.0"
    assert place("marks:1.2.0", tmp_path).name == "1.2.0"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("things", r"has configurations; choose one, such as --tfds_name=things/small"),
        ("things/large", r"not prepared in it; there is marks:1\.0\.0, things/small:1\.0\.0; run"),
        ("marks:3.0.0", "marks:3.0.0 is not prepared in it"),
        ("kmnist", r"run tfds build kmnist --data_dir=\S+, or omit --data_dir"),
        ("markz", "there is no markz in --data_dir=.*; did you mean marks"),
    ],
)
def test_what_is_not_in_a_folder(prepared, name, said):
    with pytest.raises(UserError, match=said) as caught:
        place(name, prepared)
    assert "\n" not in str(caught.value)


def test_what_is_no_folder(tmp_path):
    (tmp_path / "x.zip").touch()
    for name, said in (("gone", "no such folder"), ("x.zip", "this is a file")):
        with pytest.raises(UserError, match=said):
            place("marks", tmp_path / name)


def test_where_the_user_keeps_data(prepared, tmp_path, monkeypatch):
    shutil.copytree(prepared, tmp_path / "home" / "tensorflow_datasets")
    found = place("marks", cache=tmp_path / "cache")
    assert found == tmp_path / "home" / "tensorflow_datasets" / "marks" / "1.0.0"
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared))
    assert place("marks", cache=tmp_path / "cache") == prepared / "marks" / "1.0.0"
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("kmnst", "no kmnst in tensorflow-datasets; did you mean kmnist or"),
        ("KMNIST", "did you mean kmnist"),
        ("emnist", "has configurations; choose one, such as --tfds_name=emnist/byclass"),
        ("emnist/x", "has configurations"),
        ("kmnist", r"does not answer \(no network\); run tfds build kmnist --data_dir=FOLDER"),
        ("kmnist:9.9.9", r"could not prepare it.*only: 3\.0\.1"),
        ("imagenet2012", "downloaded manually, see https"),
    ],
)
def test_what_cannot_be_prepared(tmp_path, name, said):
    with pytest.raises(UserError, match=said) as caught:
        place(name, cache=tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "cache").exists()


def test_what_has_no_image_is_not_downloaded(tmp_path):
    with pytest.raises(UserError, match=r"no image feature .*; it has features \(Tensor\), label"):
        open_source(None, name="iris", split="train", image_size=8, cache_dir=tmp_path / "cache")


def test_a_known_dataset_is_prepared_once_in_the_cache(tmp_path, monkeypatch):
    options = {"name": "local_marks", "split": "train", "image_size": 8, "labelled": True}
    source = open_source(None, cache_dir=tmp_path / "cache", **options)
    folder = tmp_path / "cache" / "tensorflow_datasets" / "local_marks" / "2.0.0"
    assert str(folder) in source.description
    assert (len(source), source.classes) == (6, ("a", "b"))
    values = source.read(np.arange(6))[:, 0, 0, 0]
    np.testing.assert_array_equal(source.labels(np.arange(6)), values % 2)
    monkeypatch.setattr(LocalMarks, "_generate_examples", None)
    again = open_source(None, cache_dir=tmp_path / "cache", **options)
    np.testing.assert_array_equal(again.read(np.arange(6))[:, 0, 0, 0], values)


def test_a_builder_that_fails(tmp_path, monkeypatch):
    def fail(self):
        raise ConnectionError("reset\nby peer")

    monkeypatch.setattr(LocalMarks, "_generate_examples", fail)
    with pytest.raises(UserError, match=r"could not prepare it in .*reset by peer.*tfds build"):
        place("local_marks", cache=tmp_path / "cache")


def test_a_full_disk(tmp_path, monkeypatch):
    def fail(self):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(LocalMarks, "_generate_examples", fail)
    with pytest.raises(UserError, match="the disk is full while preparing local_marks"):
        place("local_marks", cache=tmp_path / "cache")


def test_verify_finds_what_is_prepared(prepared, tmp_path):
    lines, fine = verify.report(prepared, cache_dir=tmp_path / "cache")
    text = "\n".join(lines)
    assert fine and verify.detect(prepared)
    assert "split test, image:" in text and "split train, photo:" in text
    assert "decoded 24 of 24: 0 cannot be decoded" in text and "decoded 12 of 12" in text
    assert verify.report(prepared / "things", cache_dir=tmp_path / "cache")[1]
