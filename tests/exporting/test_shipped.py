"""No file that leaves the machine says where on it anything lay."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import lsgan_tf
from lsgan_tf.build import build_gan
from lsgan_tf.config import Config, path_settings, resolve
from lsgan_tf.exporting.generator_files import write_generator_files
from lsgan_tf.exporting.model_card import write_card
from lsgan_tf.exporting.pretrained import write_weights
from lsgan_tf.exporting.savedmodel import write_saved_model
from lsgan_tf.exporting.serving import write_serving
from lsgan_tf.exporting.shipped import shipped, without_paths
from lsgan_tf.sampling.sampler import Sampler

CLASSES = ("安", "宁")


def config_in(folder):
    settings = {
        "dataset": "hwdb", "conditional": True, "image_size": 8, "z_dim": 4, "label_dim": 2,
        "first_filters": 2, "batch_size": 4, "characters": "安宁", "evaluate_every": 5,
        "data_dir": str(folder / "my data"), "cache_dir": str(folder / "cache"),
        "run_dir": str(folder / "run"), "inception": str(folder / "graph.pb"),
        "init_from": str(folder / "other run"),
    }  # fmt: skip
    fields = {
        "data_shape": (8, 8, 1), "data_classes": 2, "data_fingerprint": "f",
        "data_description": f"HWDB: 3 pictures in {folder / 'my data' / 'train'}, {folder}/b.gnt",
    }  # fmt: skip
    return dataclasses.replace(resolve(settings)[0], **fields)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Everything that can be exported, and the config with the paths."""
    folder = tmp_path_factory.mktemp("machine")
    out, config = folder / "out", config_in(folder)
    out.mkdir()
    gan = build_gan(config)
    saved = write_saved_model(out / "export", config, gan, CLASSES, 3)
    forms = write_generator_files(
        saved, config, gan, keras_path=out / "g.keras", tflite_path=out / "g.tflite",
        log=lambda line: None,
    )  # fmt: skip
    write_card(saved, config, CLASSES, 3, None, forms, "a processor")
    write_serving(saved, out / "serving", name="g", version=3, z_dim=4, classes=list(CLASSES))
    write_weights(out / "g.npz", config, gan.generator, CLASSES, 3)
    return out, config


def contents(path):
    """The bytes of a file, and of the files in it."""
    yield path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from map(archive.read, archive.namelist())


def test_no_byte_of_an_export_is_of_a_path(exported):
    out, config = exported
    files = [path for path in out.rglob("*") if path.is_file()]
    kinds = {path.suffix for path in files}
    assert {".keras", ".tflite", ".npz", ".pb", ".json", ".md", ".index"} <= kinds
    assert any("tf_serving" in path.name for path in files)
    secrets = [str(out.parent), out.parent.name, str(Path.cwd()), str(Path.home()) + "/"]
    secrets += [str(Path(lsgan_tf.__file__).parent), "site-packages", "graph.pb", "other run"]
    for path in files:
        for content in contents(path):
            found = [secret for secret in secrets if secret.encode() in content]
            assert found == [], path.name
    assert str(out.parent) in json.dumps(config.to_json())  # which the search would find


def test_what_is_no_path_is_kept(exported):
    out, config = exported
    names = set(path_settings())
    assert names == {"data_dir", "cache_dir", "run_dir", "inception", "init_from"}
    model = tf.saved_model.load(str(out / "export"))
    for values in (
        json.loads(model.config_json.numpy()),
        json.loads((out / "export" / "export.json").read_text("utf-8"))["config"],
    ):
        found = Config.from_json(values)
        assert found.data_description == "HWDB: 3 pictures in my data/train, b.gnt"
        assert found.characters == "安宁"
        kept = {n: v for n, v in config.to_json().items() if n not in names}
        kept["data_description"] = found.data_description
        assert kept == {n: v for n, v in found.to_json().items() if n not in names}
    assert "my data/train" in (out / "export" / "README.md").read_text("utf-8")


def test_an_export_that_holds_paths_is_loaded_still(exported, tmp_path):
    _, config = exported
    path = write_saved_model(tmp_path / "export", config, build_gan(config), CLASSES, 3)
    fields = json.loads((path / "export.json").read_text("utf-8"))
    fields["config"] |= {"data_dir": str(tmp_path / "gone"), "run_dir": "runs/a"}
    (path / "export.json").write_text(json.dumps(fields), "utf-8")
    sampler = Sampler(path)
    assert sampler.config["data_dir"] == str(tmp_path / "gone")
    assert sampler.write("安宁", seed=0).shape == (2, 8, 8, 1)


def test_paths_are_known_however_they_are_written(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann lee")
    config, _ = resolve({"dataset": "images", "data_dir": "~/my cats", "run_dir": "runs/a b"})
    text = "3 pictures in /home/ann lee/my cats, ~/my cats and /var/x/y; runs/a b; 1/2"
    assert without_paths(text, config) == "3 pictures in my cats, my cats and y; a b; 1/2"
    assert shipped(config).data_dir is None
    config, _ = resolve({"dataset": "images", "data_dir": "~nobody-of-this-name/x"})
    assert without_paths("in ~nobody-of-this-name/x", config) == "in x"
    np.testing.assert_equal(without_paths("", config), "")
