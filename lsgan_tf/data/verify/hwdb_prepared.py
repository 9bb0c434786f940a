"""Verifies a prepared dataset of HWDB characters."""

from __future__ import annotations

from pathlib import Path

from lsgan_tf.data.hwdb import cache as hwdb_cache
from lsgan_tf.data.hwdb.prepare import CODES, IMAGES, MANIFEST
from lsgan_tf.util.reading import read_json
from lsgan_tf.util.text import counted


def detect(path: Path) -> bool:
    """Return whether a path is a prepared dataset, damaged or not."""
    return (path / MANIFEST).is_file() and ((path / IMAGES).is_file() or (path / CODES).is_file())


def report(path: Path) -> tuple[list[str], bool]:
    """Check a prepared dataset against its manifest.

    Args:
      path: its folder.

    Returns:
      Lines of a report, and whether the data is intact.
    """
    title = f"{path}: HWDB characters prepared for training"
    trouble = hwdb_cache.trouble(path)
    if trouble is not None:
        advice = "no action needed: the next run that uses this dataset prepares it again"
        return [title, f"damaged: {trouble}", advice], False
    manifest = read_json(path / MANIFEST)
    counts = manifest["classes"].values()
    side = manifest["image_size"]
    how = "fitted and centred" if manifest["keep_aspect"] else "squashed"
    sources, damaged = manifest["files"], manifest["damaged_count"]
    return [
        title,
        f"  {manifest['samples']:,} images of {len(counts):,} characters and symbols, "
        f"{min(counts):,} to {max(counts):,} each",
        f"  {side} x {side} pixels, {how}, {manifest['resampling']}",
        f"  from {counted(len(sources), 'file')} with {counted(damaged, 'damaged record')}:",
        *(f"    {file['name']}: {counted(file['samples'], 'image')}" for file in sources),
        "intact; to train, pass the folder of the .gnt files as --data_dir, not this one",
    ], True
