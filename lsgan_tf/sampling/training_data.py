"""The training data of an exported generator."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

from lsgan_tf.config import Config, path_settings
from lsgan_tf.data import open_source
from lsgan_tf.data.source import Source
from lsgan_tf.errors import UserError
from lsgan_tf.util.reading import read_json


def config_of(values: dict[str, Any], path: Path) -> Config:
    """Return the config of a SavedModel, with the local paths of the run folder around it.

    Args:
      values: the config in its `export.json`, without local paths.
      path: the SavedModel's folder.

    Raises:
      UserError: if the values are not a config.
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
    """Open the training data of a finished run.

    Args:
      config: the run's config.

    Raises:
      UserError: if the location of the data is unknown, or it is missing or damaged.
    """
    elsewhere = config.dataset == "images" or (config.dataset == "hwdb" and not config.data_standin)
    if elsewhere and not config.data_dir and config.data_fingerprint:
        raise UserError(
            "--data_dir: expected the data of the generator's training "
            f"({config.data_description or config.dataset}), whose location is unknown; give it"
        )
    return open_source(config)
