"""YAML front matter of the model card, as model hubs read it from a repository's README.md."""

from __future__ import annotations

import re
from typing import NamedTuple

from lsgan_tf.config import Config


class _Licence(NamedTuple):
    """A licence as hubs name it; `other` needs a name and a link."""

    key: str
    name: str = ""
    link: str = ""


# Of what the data allows. The publisher of a model may have more to say, and edits the card.
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
    """The lines of the front matter, its delimiters included.

    Every value is a constant of this module, a setting with a fixed set of values or a word,
    so that nothing has to be quoted.

    Args:
      config: the run's, with the dataset's facts.
    """
    licence = _STANDIN if config.data_standin else _LICENCES.get(config.dataset, _UNKNOWN)
    lines = ["---", f"license: {licence.key}"]
    if licence.name:
        lines += [f"license_name: {licence.name}", f"license_link: {licence.link}"]
    # Not `keras`: hubs show code for that name that loads Keras's own files, not a SavedModel.
    lines += ["library_name: tensorflow"]
    if len(config.data_shape) == 3:
        lines += ["pipeline_tag: unconditional-image-generation"]
    lines += ["tags:", *(f"- {tag}" for tag in _tags(config))]
    if dataset := _dataset(config):
        lines += ["datasets:", f"- {dataset}"]
    return [*lines, "---"]


def _dataset(config: Config) -> str:
    """The dataset's name; empty for the stand-in, for one's own images and for what is drawn."""
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
