"""Fingerprints of data: strings that are equal for equal examples.

A fingerprint is a hex digest, or, for sources whose digest has become stricter,
`2:<digest>:<former>`, where `former` is the digest of earlier versions, so that their runs can
be resumed.
"""

from __future__ import annotations

_PREFIX = "2:"


def versioned(digest: str, former: str) -> str:
    """Make a fingerprint that is compatible with runs of earlier versions.

    Args:
      digest: digest of the data.
      former: digest of the same data in earlier versions.
    """
    return f"{_PREFIX}{digest}:{former}"


def same(first: str, second: str) -> bool:
    """Whether two fingerprints, of any version, are of the same data."""
    if first.startswith(_PREFIX) == second.startswith(_PREFIX):
        return first == second
    new, old = (first, second) if first.startswith(_PREFIX) else (second, first)
    return new.rpartition(":")[2] == old


def shortened(fingerprint: str) -> str:
    """Abbreviate a fingerprint for messages."""
    text = fingerprint.removeprefix(_PREFIX)
    return text if len(text) <= 16 else f"{text[:12]}..."
