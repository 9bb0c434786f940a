"""Verifies a copy of CIFAR-10."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsgan_tf.data.cifar10 import batches
from lsgan_tf.data.cifar10 import source as cifar10
from lsgan_tf.errors import UserError


def detect(path: Path) -> bool:
    """Return whether a file or folder is or contains CIFAR-10 in any layout."""
    path = Path(path)
    if path.is_file():
        return path.name.startswith("cifar-10-")
    try:
        cifar10.locate(path)
    except UserError:
        return False
    return True


def report(path: Path) -> tuple[list[str], bool]:
    """Read and check all images.

    Args:
      path: the value of `--data_dir`.

    Returns:
      Lines of a report, and whether the data is intact.
    """
    lines: list[str] = []
    fine = True
    for split in batches.SPLITS:
        try:
            source = cifar10.open_source(Path(path), split=split)
        except UserError as error:
            lines.append(f"{split}: {error}")
            fine = False
            continue
        lines.append(source.description)
        lines.extend(source.warnings)
        labels = source.labels(np.arange(len(source)))
        counts = np.bincount(labels, minlength=len(source.classes))
        named = (f"{name} {count:,}" for name, count in zip(source.classes, counts, strict=True))
        lines.append(f"{split}: {', '.join(named)}")
        # The official classes are equally frequent.
        if len(set(counts)) > 1:
            lines.append(f"{split}: classes are not equally frequent; not an official copy")
            fine = False
        official = [batches.OFFICIAL_SHA256[b] for b in batches.SPLITS[split]]
        if source.fingerprint == cifar10.fingerprint_of(official):
            lines.append(f"{split}: all batches have the official SHA-256")
    return lines, fine
