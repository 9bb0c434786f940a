"""Interface of encoded images with random access."""

from __future__ import annotations

import abc
import hashlib

import numpy as np

from lsgan_tf.settings.fingerprints import versioned

_SAMPLED = 64


class Records(abc.ABC):
    """Encoded images of an LMDB, a folder or shards. Reading is thread-safe.

    Attributes:
      kind: kind of storage, such as "LMDB".
      description: one-line description.
      warnings: messages for the user.
    """

    kind: str
    description: str = ""
    warnings: tuple[str, ...] = ()

    @abc.abstractmethod
    def __len__(self) -> int:
        """Return the number of images."""

    @abc.abstractmethod
    def content(self, index: int) -> bytes:
        """Return the bytes of an image file."""

    @abc.abstractmethod
    def name_of(self, index: int) -> str:
        """Return the name of an image in messages, such as a key or a path."""

    @abc.abstractmethod
    def fingerprint(self) -> str:
        """Return the hex digest of the content, or of a sample of it."""

    def former_fingerprint(self) -> str | None:
        """Return the fingerprint of earlier versions; None if it is the same."""
        return None


def sampled(records: Records, most: int) -> list[int]:
    """Return the indices of at most `most` evenly spaced records."""
    if not len(records):
        return []
    return np.unique(np.linspace(0, len(records) - 1, most).astype(int)).tolist()


def versioned_fingerprint(records: Records) -> str:
    """Return the fingerprint, combined with that of earlier versions if it differs."""
    former = records.former_fingerprint()
    return records.fingerprint() if former is None else versioned(records.fingerprint(), former)


def sampled_digest(records: Records, *parts: object) -> str:
    """Return the hex SHA-256 of the number of records, `parts`, and 64 evenly spaced records.

    Cheap for tens of gigabytes; detects another dataset, another order, and most edits.
    """
    digest = hashlib.sha256(repr((len(records), *parts)).encode())
    for index in sampled(records, _SAMPLED):
        content = records.content(index)
        digest.update(records.name_of(index).encode())
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()
