"""The data that an exported generator learnt from."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

from lsgan_tf.config import Config, path_settings
from lsgan_tf.data import open_source
from lsgan_tf.data.source import Source
from lsgan_tf.errors import UserError
from lsgan_tf.util.files import read_json


def config_of(values: dict[str, Any], path: Path) -> Config:
    """The config of a SavedModel.

    It holds no paths of the machine that trained. Those of the run folder that the SavedModel
    lies in, if it does, are filled in.

    Args:
      values: the config in its `export.json`.
      path: the SavedModel's folder.

    Raises:
      UserError: if the values are no config.
    """
    config = Config.from_json(values, str(path / "export.json"))
    for folder in Path(os.path.abspath(path)).parents[:2]:  # runs/a/export, runs/a/best/export
        if not (folder / "config.json").is_file():
            continue
        try:
            run = Config.from_json(read_json(folder / "config.json"))
        except UserError:
            continue  # not a run's, or damaged
        if run.data_fingerprint == config.data_fingerprint:
            unknown = [name for name in path_settings() if getattr(config, name) is None]
            return dataclasses.replace(config, **{name: getattr(run, name) for name in unknown})
    return config


def reopen_source(config: Config) -> Source:
    """Opens the training data of a finished run.

    Args:
      config: the run's, with the dataset's facts.

    Raises:
      UserError: if the config does not say where the data is, or it is missing or damaged.
    """
    elsewhere = config.dataset == "images" or (config.dataset == "hwdb" and not config.data_standin)
    if elsewhere and not config.data_dir and config.data_fingerprint:
        raise UserError(
            "--data_dir: expected the data that the generator learnt from "
            f"({config.data_description or config.dataset}); its place is not known here, name it"
        )
    return open_source(config)
