"""Verifies HWDB's `.gnt` files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsgan_tf.data.formats import gnt
from lsgan_tf.data.formats.foreign import casia
from lsgan_tf.data.hwdb import gb2312, gnt_files
from lsgan_tf.data.hwdb import prepare as hwdb_prepare
from lsgan_tf.data.hwdb.gnt_files import GntPart
from lsgan_tf.data.images import image_files
from lsgan_tf.errors import UserError
from lsgan_tf.util.progress import Progress
from lsgan_tf.util.text import counted

_SHOWN_DAMAGE = 100
_SIDES = 1 << 16


@dataclass(frozen=True)
class _Found:
    """The index of a file, or why it cannot be read."""

    part: GntPart
    index: gnt.GntIndex | None
    error: str = ""


def detect(path: Path) -> bool:
    """Return whether there is a `.gnt` or other CASIA file at or below a path or in a zip."""
    path = Path(path)
    if path.is_file() and path.suffix.lower() not in (".gnt", ".zip") and not casia(path.name):
        return False
    try:
        found = gnt_files.survey(path)
    except UserError:
        return False
    if found.parts:
        return True
    # Other programs use these extensions too, such as .pot.
    images = path.is_dir() and image_files.first_image(path)
    return any(map(casia, found.unreadable)) and not images


def report(path: Path) -> tuple[list[str], bool]:
    """Check all `.gnt` files at or below a path.

    Args:
      path: the value of `--data_dir`.

    Returns:
      Lines of a report, and whether the data is intact.

    Raises:
      UserError: if there is no file, or an archive is damaged.
    """
    path = Path(path)
    survey = gnt_files.survey(path)
    if not survey.parts:
        gnt_files.find(path)  # raises an error with the reason
    found = _scan_all(survey.parts)
    lines = [f"{path}: HWDB characters", "", *_files(found)]
    for split, wanted in (("train", False), ("test", True)):
        indices = [item.index for item in found if item.part.is_test is wanted and item.index]
        if indices:
            lines += ["", *_split(split, indices)]
    damage = [
        f"{item.part.name}, byte {damage.offset}: {damage.reason}"
        + f" (at least {damage.records:,} records lost)" * (damage.records > 1)
        for item in found
        if item.index
        for damage in item.index.damaged
    ]
    damage = [item.error for item in found if item.error] + damage
    unread = [f"{name}: this is {why}" for name, why in sorted(survey.unreadable.items())]
    damaged = sum(item.index.damaged_count if item.index else 1 for item in found)
    lines += ["", f"damaged: {counted(damaged, 'record')}" if damaged else "damaged: none"]
    lines += [f"  {line}" for line in damage[:_SHOWN_DAMAGE]]
    if damaged > len(damage[:_SHOWN_DAMAGE]):
        lines.append(f"  and others, {damaged:,} records in total")
    if unread:
        lines += [
            f"cannot be read: {counted(len(unread), 'file')}",
            *(f"  {line}" for line in unread),
        ]
        advice = "training refuses a folder with unreadable data: see the remedies above"
        return [*lines, "", advice], False
    return [*lines, "", _advice(path, found, damaged)], not damaged


def _scan_all(parts: Sequence[GntPart]) -> list[_Found]:
    found = []
    total = sum(part.size for part in parts)
    with (
        tempfile.TemporaryDirectory() as scratch,
        Progress("verifying", total, "B") as progress,
        gnt_files.Archives() as archives,
    ):
        for part in parts:
            try:
                with gnt_files.on_disk([part], Path(scratch, "unpacked"), archives) as paths:
                    found.append(_Found(part, hwdb_prepare.scan_part(part, paths[0])))
            except UserError as error:
                found.append(_Found(part, None, str(error)))
            progress.add(part.size)
    return found


def _files(found: Iterable[_Found]) -> list[str]:
    lines = [f"{'records':>12} {'damaged':>9} {'bytes':>15}  file"]
    for item in found:
        records = f"{len(item.index):,}" if item.index else "unreadable"
        damaged = f"{item.index.damaged_count:,}" if item.index else "-"
        lines.append(f"{records:>12} {damaged:>9} {item.part.size:>15,}  {item.part.name}")
    return lines


def _split(name: str, indices: Sequence[gnt.GntIndex]) -> list[str]:
    classes = hwdb_prepare.count_classes(np.concatenate([index.codes for index in indices]))
    level1 = {char: count for char, count in classes.items() if gb2312.is_level1(char)}
    others = {char: count for char, count in classes.items() if not gb2312.is_level1(char)}
    symbols = {char: count for char, count in others.items() if not _is_han(char)}
    lines = [
        f"{name} split: {counted(sum(classes.values()), 'image')}",
        f"  {len(level1):,} of the {len(gb2312.LEVEL1):,} characters of GB2312 level 1, "
        f"{counted(sum(level1.values()), 'image')}{_range(level1)}",
        f"  {counted(len(others) - len(symbols), 'other character')}, "
        f"{counted(sum(others.values()) - sum(symbols.values()), 'image')}, and "
        f"{counted(len(symbols), 'symbol')}, {counted(sum(symbols.values()), 'image')} "
        "(left out without --all_classes)",
    ]
    for side, values in (
        ("width", [index.widths for index in indices]),
        ("height", [index.heights for index in indices]),
    ):
        counts = np.sum([np.bincount(array, minlength=_SIDES) for array in values], axis=0)
        present = np.flatnonzero(counts)
        median = np.searchsorted(np.cumsum(counts), counts.sum() / 2)
        lines.append(f"  {side}: {present[0]} to {present[-1]} pixels, median {median}")
    return lines


def _range(counts: dict[str, int]) -> str:
    if not counts:
        return ""
    ranked = sorted(counts, key=lambda character: counts[character])
    least, most = ranked[0], ranked[-1]
    return (
        f"; per class {counts[least]:,} ({least}) to {counts[most]:,} ({most}), "
        f"median {np.median(list(counts.values())):,.0f}"
    )


def _is_han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


def _advice(path: Path, found: Sequence[_Found], damaged: int) -> str:
    if not damaged:
        return f"intact: train with --dataset=hwdb --data_dir={path}"
    unreadable = [item.part.name for item in found if item.index is None]
    if unreadable:
        return (
            f"download again or remove {', '.join(unreadable[:5])}; "
            "training refuses a folder with an unreadable file"
        )
    names = [item.part.name for item in found if item.index and item.index.damaged_count]
    total = damaged + sum(len(item.index) for item in found if item.index)
    return (
        f"download {', '.join(names[:5])} again; training leaves out damaged records if they are "
        f"at most 1 in 1,000 (here {1000 * damaged / total:.2f} in 1,000), or with "
        f"--max_bad_records={damaged}"
    )
