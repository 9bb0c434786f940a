"""What an export says of the run: its config without paths of the machine that trained."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

from lsgan_tf.config import Config, path_settings


def shipped(config: Config) -> Config:
    """The config with which a generator leaves its machine.

    Settings that hold paths become None; `data_description` names folders alone.
    """
    description = without_paths(config.data_description, config)
    paths: dict[str, Any] = dict.fromkeys(path_settings())
    return dataclasses.replace(config, data_description=description, **paths)


def without_paths(text: str, config: Config) -> str:
    """A text with each path in it shortened to its last name: the rest is the owner's."""
    given = [getattr(config, name) for name in path_settings()]
    forms = {str(form) for path in given if path for form in _forms(path)}
    # A path's words may hold spaces; the pattern below is of those that do not.
    for path in sorted(forms, key=len, reverse=True):
        if name := Path(path).name:
            text = text.replace(path, name)
    return re.sub(r"(?<!\S)~?/(?:[^\s/]+/)*(?=[^\s/])", "", text)


def _forms(path: str) -> tuple[Path, ...]:
    """A path as it was given, without `~`, and absolute."""
    expanded = Path(path)
    try:
        expanded = expanded.expanduser()
    except RuntimeError:  # no such home folder
        return (expanded,)
    return Path(path), expanded, expanded.absolute(), expanded.resolve()
