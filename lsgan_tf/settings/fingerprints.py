"""Fingerprints of data: strings that tell whether two runs saw the same examples.

A plain hex digest is compared as it is. For sources whose digest has become stricter the
fingerprint is `2:<digest>:<former>`, where `former` is what earlier versions computed: a run
that was begun by one of them goes on.
"""

from __future__ import annotations

_PREFIX = "2:"


def versioned(digest: str, former: str) -> str:
    """A fingerprint that runs of earlier versions accept too.

    Args:
      digest: of the data.
      former: what earlier versions computed of the same data.
    """
    return f"{_PREFIX}{digest}:{former}"


def same(first: str, second: str) -> bool:
    """Whether two fingerprints, each of whatever version, are of the same data."""
    if first.startswith(_PREFIX) == second.startswith(_PREFIX):
        return first == second
    new, old = (first, second) if first.startswith(_PREFIX) else (second, first)
    return new.rpartition(":")[2] == old


def shortened(fingerprint: str) -> str:
    """A fingerprint for messages: enough of it to tell two apart."""
    text = fingerprint.removeprefix(_PREFIX)
    return text if len(text) <= 16 else f"{text[:12]}..."
