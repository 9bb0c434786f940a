"""Dataset names of tensorflow-datasets."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import NamedTuple

from lsgan_tf.errors import UserError

CATALOGUE = "https://www.tensorflow.org/datasets/catalog"
_NAME = re.compile(
    r"(?P<dataset>[A-Za-z]\w*)"
    r"(?:/(?!\d+\.\d+\.\d+$)(?P<config>\w[\w.+-]*))?"
    r"(?:[:/](?P<version>\d+\.\d+\.\d+))?",
    re.ASCII,
)


class Name(NamedTuple):
    """A parsed `--tfds_name`."""

    dataset: str
    config: str | None
    version: str | None

    @property
    def parts(self) -> tuple[str, ...]:
        """Dataset and configuration: the parent folders of a prepared version."""
        return (self.dataset, self.config) if self.config else (self.dataset,)

    def __str__(self) -> str:
        return "/".join(self.parts) + (f":{self.version}" if self.version else "")


def parse_name(text: str | None) -> Name:
    """Parse `--tfds_name`: "kmnist", "emnist/balanced", "kmnist:3.0.1" or "kmnist/3.0.1".

    Raises:
      UserError: if it is missing or invalid. Names with a namespace are rejected, since
        tensorflow-datasets would download and run their code.
    """
    if not text:
        raise UserError(
            f"--dataset=tfds needs --tfds_name: pass a name from {CATALOGUE}/overview, for example "
            "kmnist"
        )
    match = _NAME.fullmatch(text)
    if match is None:
        raise UserError(
            f"--tfds_name={text}: expected NAME, NAME/CONFIG or either with :VERSION, for example "
            "kmnist:3.0.1"
        )
    return Name(match["dataset"], match["config"], match["version"])


def unknown(name: Name, known: Iterable[str], where: str) -> UserError:
    """Return the error for an unknown name, with similar known names.

    Args:
      name: the unknown name.
      known: known names.
      where: description of the origin of the known names.
    """
    close = difflib.get_close_matches(name.dataset.lower(), list(known), n=5, cutoff=0.6)
    remedy = (
        f"did you mean {' or '.join(close)}?" if close else f"{CATALOGUE}/overview lists the names"
    )
    return UserError(f"--tfds_name={name}: there is no {name.dataset} {where}; {remedy}")
