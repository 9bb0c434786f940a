"""Names of datasets, as tensorflow-datasets writes them."""

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
    """What `--tfds_name` names."""

    dataset: str
    config: str | None
    version: str | None

    @property
    def parts(self) -> tuple[str, ...]:
        """Dataset and configuration, the folders that a prepared version lies in."""
        return (self.dataset, self.config) if self.config else (self.dataset,)

    def __str__(self) -> str:
        return "/".join(self.parts) + (f":{self.version}" if self.version else "")


def parse_name(text: str | None) -> Name:
    """Reads `--tfds_name`: "kmnist", "emnist/balanced", "kmnist:3.0.1" or "kmnist/3.0.1".

    Raises:
      UserError: if it is missing or no such name. Names with a namespace are among these: they
        stand for code that tensorflow-datasets would download and run.
    """
    if not text:
        raise UserError(
            f"--dataset=tfds needs --tfds_name: pass a name from {CATALOGUE}/overview, kmnist for "
            "example"
        )
    match = _NAME.fullmatch(text)
    if match is None:
        raise UserError(
            f"--tfds_name={text}: expected NAME, NAME/CONFIG or either with :VERSION, kmnist:3.0.1 "
            "for example"
        )
    return Name(match["dataset"], match["config"], match["version"])


def unknown(name: Name, known: Iterable[str], where: str) -> UserError:
    """The error for a name that nothing has, with those that come close.

    Args:
      name: what was asked for.
      known: names of datasets.
      where: in words, where they are from.
    """
    close = difflib.get_close_matches(name.dataset.lower(), list(known), n=5, cutoff=0.6)
    remedy = (
        f"did you mean {' or '.join(close)}?" if close else f"{CATALOGUE}/overview lists the names"
    )
    return UserError(f"--tfds_name={name}: there is no {name.dataset} {where}; {remedy}")
