from __future__ import annotations

import dataclasses
import re

import pytest

from lsgan_tf.config import resolve
from lsgan_tf.exporting.model_card import Form, card, licence_of, write_card
from lsgan_tf.settings.defaults import DATASETS

pytestmark = pytest.mark.fast


def config(**given):
    fields = {
        name: given.pop(name)
        for name in ("data_shape", "data_standin", "data_description")
        if name in given
    }
    found, _ = resolve(given, {})
    return dataclasses.replace(found, data_shape=(28, 28, 1), **fields)


def test_of_real_data():
    text = card(
        config(conditional=True, steps=100, data_description="HWDB, train | 12 pictures"),
        ["安", "宁"],
        42,
    )
    for part in (
        "| data | HWDB, train \\| 12 pictures |", "| real or stand-in | real |", "CASIA-HWDB1.0",
        "42 of 100, 64 examples each", "28x28 pixels, grey", "2, in `classes.txt`",
        "Not evaluated",
    ):  # fmt: skip
        assert part in text
    assert "drawn" not in text


@pytest.mark.parametrize(
    ("described", "told"),
    [
        ("5 pictures in the folder /home/ann/cats", "5 pictures in the folder cats"),
        ("train split of /data/my hwdb/train: 3 pictures", "train split of train: 3 pictures"),
        ("stand-in of /var/c/seed-0: 6 of 1/2", "stand-in of seed-0: 6 of 1/2"),
        ("CIFAR-10, 7 pictures/s and/or more", "CIFAR-10, 7 pictures/s and/or more"),
    ],
)
def test_tells_no_path_of_the_machine_that_trained(described, told):
    text = card(config(data_description=described, data_dir="/data/my hwdb/train"), ["a"], 1)
    assert f"| data | {told} |" in text


def test_data_in_the_working_folder():
    text = card(config(data_description="5 pictures. Grey.", data_dir="."), ["a"], 1)
    assert "| data | 5 pictures. Grey. |" in text


def test_a_stand_in_is_called_one():
    found = config(data_standin=True)
    assert "**stand-in**" in card(found, [], 1) and "Arphic" in licence_of(found)
    assert "CASIA" not in card(found, [], 1)


def test_quality_at_the_exported_step():
    rows = [
        {"step": step, "figures": {"fid": fid, "fid_ema": 50.0, "diversity": 2.0}}
        for step, fid in ((10, 30.0), (20, 40.0), (30, 1.0))
    ]
    rows[1]["real"] = {"fid": 3.0}
    text = card(config(), [], 25, rows)
    assert "At step 20:" in text and "| fid | 40 | 3 | 30 at step 10 |" in text
    assert "| fid_ema | 50 | 3 | 50 at step 10 |" in text and "| diversity | 2 | - | - |" in text
    assert "Not evaluated" not in text


def test_every_dataset_has_one():
    for dataset in ("cifar10", "lsun", "images", "tfds", "mixture"):
        assert "| licence of the data | " in card(config(dataset=dataset), [], 1)


def test_which_weights_it_holds():
    plain = card(config(ema_decay=0.0), [], 1)
    assert "no EMA weights" in plain and "`sample_raw`" not in plain
    text = card(config(ema_decay=0.999, conditional=True), ["安"], 1)
    assert "moving average (EMA) of the generator's weights (`--ema_decay=0.999`)" in text
    assert "`serving_raw`, `sample_raw` and `write_raw` use the weights of the last step" in text
    assert "write_raw" not in card(config(ema_decay=0.999), [], 1)


def test_other_files_have_a_row_each(tmp_path):
    forms = [
        Form("g|1.keras", "Keras", "raw", 1_234_567),
        Form("g.tflite", "TensorFlow Lite", "ema", 2_000_000, 3.14159, 1.0, 0.00123),
    ]
    write_card(tmp_path, config(), [], 42, None, forms, "A Processor")
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| `g\\|1.keras` | Keras | raw | 1.23 MB | - | - | - |" in text
    assert ("| `g.tflite` | TensorFlow Lite | EMA | 2.00 MB | 3.14 ms | 1 | 0.0012 |") in text
    assert "on one thread of A Processor" in text and "in grey levels of 255" in text
    assert "one thread" not in card(config(), [], 42, (), forms[:1])
    assert "## Weights" in text and [path.name for path in tmp_path.iterdir()] == ["README.md"]


def metadata(text):
    """The front matter, by the small part of YAML that it is in."""
    first, matter, _ = re.split(r"^---\n", text, maxsplit=2, flags=re.MULTILINE)
    assert first == ""
    found = {}
    for line in matter.splitlines():
        if line.startswith("- "):
            found[key].append(line[2:])  # noqa: F821
        else:
            key, value = re.fullmatch(r"(\w+):(?: (\S+))?", line).groups()
            found[key] = [] if value is None else value
    return found


def test_hubs_find_their_metadata_in_front():
    found = metadata(card(config(dataset="cifar10"), [], 1))
    assert found["license"] == "unknown" and "license_name" not in found
    assert found["library_name"] == "tensorflow"
    assert found["pipeline_tag"] == "unconditional-image-generation"
    assert found["datasets"] == ["cifar10"]
    assert {"tensorflow", "keras", "gan", "lsgan"} <= set(found["tags"])
    found = metadata(card(config(conditional=True), ["安"], 1))
    assert found["license"] == "other" and found["license_name"].startswith("casia-")
    assert found["license_link"].startswith("https://")
    assert found["datasets"] == ["casia-hwdb1.0"] and "class-conditional" in found["tags"]


def test_a_stand_in_names_neither_the_dataset_nor_its_licence():
    found = metadata(card(config(data_standin=True), [], 1))
    assert found["license_name"] == "arphic-1999" and "datasets" not in found


def test_a_dataset_of_the_catalogue_is_named_without_version_and_config():
    given = config(dataset="tfds", tfds_name="oxford_flowers102:2.1.1")
    assert metadata(card(given, [], 1))["datasets"] == ["oxford_flowers102"]


@pytest.mark.parametrize("dataset", [name for name in DATASETS if name != "tfds"])
def test_every_dataset_has_metadata(dataset):
    points = {"data_shape": (2,)} if dataset == "mixture" else {}
    text = card(dataclasses.replace(config(dataset=dataset), **points), [], 1)
    assert metadata(text)["license"]
    assert ("pipeline_tag" in metadata(text)) == (dataset != "mixture")


@pytest.mark.parametrize(
    ("given", "classes", "call"),
    [
        ({"conditional": True}, list("安宁"), '["write"](text=tf.constant("安宁"), seed='),
        ({"conditional": True}, ["a ship", "b"], "seed=tf.constant(0), label=tf.constant(0))"),
        ({}, [], '["sample"](count=tf.constant(16), seed=tf.constant(0))'),
    ],
)
def test_how_to_use_it(given, classes, call):
    assert call in card(config(**given), classes, 1)


def test_a_card_under_the_former_name_is_replaced(tmp_path):
    (tmp_path / "MODEL.md").write_text("# Model card\n\nA generator of characters")
    write_card(tmp_path, config(), [], 42)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    (tmp_path / "MODEL.md").write_text("# My own notes")
    write_card(tmp_path, config(), [], 42)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["MODEL.md", "README.md"]
