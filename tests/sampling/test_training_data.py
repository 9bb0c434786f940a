"""Where the data of an exported generator is looked for."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.config import resolve
from lsgan_tf.errors import UserError
from lsgan_tf.sampling.training_data import config_of, reopen_source

pytestmark = pytest.mark.fast


def config(**given):
    found, _ = resolve({"dataset": "images", "image_size": 8, **given})
    return dataclasses.replace(found, data_fingerprint="f", data_description="3 pictures in x")


@pytest.mark.parametrize("inside", ["export", "best/export"])
def test_a_saved_model_in_a_run_folder_has_its_paths(tmp_path, inside):
    run = config(data_dir="/data/x", cache_dir="/cache")
    (tmp_path / "config.json").write_text(json.dumps(run.to_json()))
    values = config().to_json()
    found = config_of(values, tmp_path / inside)
    assert (found.data_dir, found.cache_dir) == ("/data/x", "/cache")
    own = config_of(values | {"data_dir": "/elsewhere"}, tmp_path / inside)
    assert (own.data_dir, own.cache_dir) == ("/elsewhere", "/cache")


@pytest.mark.parametrize("content", ["", "{}", "other data"])
def test_a_folder_around_it_that_is_not_its_run_is_left_alone(tmp_path, content):
    if content == "other data":
        run = dataclasses.replace(config(data_dir="/data/x"), data_fingerprint="g")
        content = json.dumps(run.to_json())
    (tmp_path / "config.json").write_text(content)
    assert config_of(config().to_json(), tmp_path / "export").data_dir is None


@pytest.mark.parametrize(
    "given", [{}, {"dataset": "hwdb", "image_size": 28}], ids=["images", "hwdb"]
)
def test_data_whose_place_is_unknown_is_asked_for(given):
    # Handwriting must not be replaced by the stand-in in silence.
    with pytest.raises(UserError, match=r"--data_dir: expected the data .*3 pictures in x"):
        reopen_source(config(**given))


def test_data_that_is_named_is_opened(tmp_path):
    (tmp_path / "data").mkdir()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "data" / "a.png")
    found = reopen_source(config(data_dir=str(tmp_path / "data"), cache_dir=str(tmp_path / "c")))
    assert len(found) == 1
