"""Configs without local paths, for exports."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

from lsgan_tf.config import Config, path_settings


def shipped(config: Config) -> Config:
    """Remove local paths from a config.

    Path settings become None; paths in `data_description` are shortened to their last component.
    """
    description = without_paths(config.data_description, config)
    paths: dict[str, Any] = dict.fromkeys(path_settings())
    return dataclasses.replace(config, data_description=description, **paths)


def without_paths(text: str, config: Config) -> str:
    """Shorten each path in a text to its last component."""
    given = [getattr(config, name) for name in path_settings()]
    forms = {str(form) for path in given if path for form in _forms(path)}
    # Known paths may contain spaces; the pattern below finds only paths without.
    for path in sorted(forms, key=len, reverse=True):
        if name := Path(path).name:
            text = text.replace(path, name)
    return re.sub(r"(?<!\S)~?/(?:[^\s/]+/)*(?=[^\s/])", "", text)


def _forms(path: str) -> tuple[Path, ...]:
    """Return a path as given, with `~` expanded, absolute, and resolved."""
    expanded = Path(path)
    try:
        expanded = expanded.expanduser()
    except RuntimeError:  # no such home folder
        return (expanded,)
    return Path(path), expanded, expanded.absolute(), expanded.resolve()
