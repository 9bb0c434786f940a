"""YAML front matter of the model card, for model hubs."""

from __future__ import annotations

import re
from typing import NamedTuple

from lsgan_tf.config import Config


class _Licence(NamedTuple):
    """A hub's licence identifier; "other" requires a name and a link."""

    key: str
    name: str = ""
    link: str = ""


# Licences of the data; the publisher of a model may edit the card.
_LICENCES = {
    "hwdb": _Licence(
        "other",
        "casia-hwdb-academic-use",
        "https://nlpr.ia.ac.cn/databases/handwriting/Download.html",
    ),
    "digits": _Licence("apache-2.0"),
    "mixture": _Licence("apache-2.0"),
}
_UNKNOWN = _Licence("unknown")
_STANDIN = _Licence("other", "arphic-1999", "https://spdx.org/licenses/Arphic-1999.html")
_DATASETS = {"hwdb": "casia-hwdb1.0", "cifar10": "cifar10", "lsun": "lsun"}


def front_matter(config: Config) -> list[str]:
    """Return the lines of the front matter, delimiters included.

    Values need no quoting: they are constants, settings with fixed choices, or single words.

    Args:
      config: config of the run, with the dataset's metadata.
    """
    licence = _STANDIN if config.data_standin else _LICENCES.get(config.dataset, _UNKNOWN)
    lines = ["---", f"license: {licence.key}"]
    if licence.name:
        lines += [f"license_name: {licence.name}", f"license_link: {licence.link}"]
    # Not `keras`, for which hubs show code that loads Keras files, not a SavedModel.
    lines += ["library_name: tensorflow"]
    if len(config.data_shape) == 3:
        lines += ["pipeline_tag: unconditional-image-generation"]
    lines += ["tags:", *(f"- {tag}" for tag in _tags(config))]
    if dataset := _dataset(config):
        lines += ["datasets:", f"- {dataset}"]
    return [*lines, "---"]


def _dataset(config: Config) -> str:
    """Return the dataset's name; empty for the stand-in, image folders and generated data."""
    if config.dataset == "tfds":
        return re.split(r"[^\w-]", config.tfds_name or "")[0]
    return "" if config.data_standin else _DATASETS.get(config.dataset, "")


def _tags(config: Config) -> list[str]:
    tags = ["tensorflow", "keras", "saved_model", "gan", config.loss, "lsgan_tf"]
    if len(config.data_shape) == 3:
        tags.append("image-generation")
    if config.conditional:
        tags.append("class-conditional")
    if config.dataset == "hwdb":
        tags += ["chinese-characters", "handwriting"]
    return tags
