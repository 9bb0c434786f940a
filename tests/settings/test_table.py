"""The settings in words."""

from __future__ import annotations

import pytest

from lsgan_tf.config import resolve
from lsgan_tf.settings.table import changed, describe_changed

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("dataset", ["hwdb", "mixture", "cifar10"])
def test_defaults_of_a_dataset_are_no_changes(dataset):
    config, origins = resolve({"dataset": dataset, "run_dir": "runs/a"}, {})
    assert changed(config) == ["dataset"] * (dataset != "hwdb")
    assert describe_changed(config, origins) == (
        f"settings: the defaults for {dataset}, all listed in config.json"
    )


def test_only_what_differs_is_listed_with_its_origin():
    given = {"dataset": "mixture", "steps": 7, "z_dim": 256, "learning_rate": 1e-3}
    origins = {name: "preset tiny" if name == "steps" else "command line" for name in given}
    first, *lines = describe_changed(*resolve(given, origins)).splitlines()
    assert first == "settings other than the defaults for mixture (all are in config.json):"
    assert [line.split(maxsplit=2) for line in lines] == [
        ["dataset", "mixture", "command line"],
        ["steps", "7", "preset tiny"],
        ["learning_rate", "0.001", "command line"],
        ["generator_learning_rate", "learning_rate", "as --learning_rate was given"],
    ]


def test_chinese_values_take_two_columns_each():
    given = {"characters": "安宁", "batch_size": 1000}
    lines = describe_changed(*resolve(given, dict.fromkeys(given, "flag"))).splitlines()
    assert lines[2:] == ["  characters  安宁   flag", "  batch_size  1,000  flag"]
