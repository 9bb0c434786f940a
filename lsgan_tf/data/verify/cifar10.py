"""What is in a copy of CIFAR-10, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsgan_tf.data.cifar10 import batches
from lsgan_tf.data.cifar10 import source as cifar10
from lsgan_tf.errors import UserError


def looks_like(path: Path) -> bool:
    """Whether a file or folder is, or holds, CIFAR-10 in any of its forms."""
    path = Path(path)
    if path.is_file():
        return path.name.startswith("cifar-10-")
    try:
        cifar10.locate(path)
    except UserError:
        return False
    return True


def report(path: Path) -> tuple[list[str], bool]:
    """Reads all of it.

    Args:
      path: as `--data_dir`.

    Returns:
      Lines for a person, and whether everything is in order.
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
        lines.extend(source.notices)
        labels = source.labels(np.arange(len(source)))
        counts = np.bincount(labels, minlength=len(source.classes))
        named = (f"{name} {count:,}" for name, count in zip(source.classes, counts, strict=True))
        lines.append(f"{split}: {', '.join(named)}")
        # In the official copy all classes are as frequent.
        if len(set(counts)) > 1:
            lines.append(f"{split}: the classes are not equally frequent; this is no official copy")
            fine = False
        official = [batches.OFFICIAL_SHA256[b] for b in batches.SPLITS[split]]
        if source.fingerprint == cifar10.fingerprint_of(official):
            lines.append(f"{split}: SHA-256 of every batch is the official one")
    return lines, fine
