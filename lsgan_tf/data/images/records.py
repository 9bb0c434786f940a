"""Encoded pictures that can be fetched by number, wherever they lie."""

from __future__ import annotations

import abc
import hashlib

import numpy as np

from lsgan_tf.settings.fingerprints import versioned

_SAMPLED = 64


class Records(abc.ABC):
    """Picture files by position: an LMDB, a folder, shards.

    Several threads may read at once.

    Attributes:
      kind: what they lie in, for messages: "LMDB".
      description: what was found and where, one line.
      notices: lines a user should read.
    """

    kind: str
    description: str = ""
    notices: tuple[str, ...] = ()

    @abc.abstractmethod
    def __len__(self) -> int:
        """How many there are."""

    @abc.abstractmethod
    def content(self, index: int) -> bytes:
        """The bytes of one picture file."""

    @abc.abstractmethod
    def name_of(self, index: int) -> str:
        """What to call it in a message: a key, a path."""

    @abc.abstractmethod
    def fingerprint(self) -> str:
        """Hex digest of the content, cheap even for 40 GB: see each kind."""

    def former_fingerprint(self) -> str | None:
        """What earlier versions computed instead; None if it is the same."""
        return None


def sampled(records: Records, most: int) -> list[int]:
    """Positions of at most so many records, spread over all."""
    if not len(records):
        return []
    return np.unique(np.linspace(0, len(records) - 1, most).astype(int)).tolist()


def versioned_fingerprint(records: Records) -> str:
    """The fingerprint of some records, with what earlier versions computed if that differs."""
    former = records.former_fingerprint()
    return records.fingerprint() if former is None else versioned(records.fingerprint(), former)


def sampled_digest(records: Records, *facts: object) -> str:
    """Hex SHA-256 of the number of records, of `facts`, and of 64 records spread over all.

    Hashing tens of gigabytes each time a run starts is no option; this sees another set, another
    order, and most edits.
    """
    digest = hashlib.sha256(repr((len(records), *facts)).encode())
    for index in sampled(records, _SAMPLED):
        content = records.content(index)
        digest.update(records.name_of(index).encode())
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()
