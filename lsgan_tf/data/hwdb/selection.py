"""Which files and classes of HWDB are used, and checks of the records."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsgan_tf.data.hwdb import gb2312
from lsgan_tf.data.hwdb.gnt_files import GntPart
from lsgan_tf.errors import UserError
from lsgan_tf.util.text import counted, printable

SPLITS = ("train", "test", "all")
_TOLERATED = 1000  # records per damaged record


@dataclasses.dataclass(frozen=True)
class Selection:
    """Selection of classes; without `classes` and `characters`, those of GB2312 level 1.

    Attributes:
      all_classes: include symbols and characters outside GB2312 level 1.
      max_classes: use only the first classes.
      characters: the classes to use, in this order; all must exist.
      classes: the exact classes, in this order, existing or not.
    """

    all_classes: bool = False
    max_classes: int | None = None
    characters: Sequence[str] | None = None
    classes: Sequence[str] | None = None

    def of(self, manifest: dict[str, Any], data_dir: Path) -> tuple[str, ...]:
        """Return the classes of a dataset.

        Args:
          manifest: description of the prepared dataset.
          data_dir: its source, for messages.

        Raises:
          UserError: if no class is left, or one of `characters` does not exist.
        """
        present = gb2312.ordered(manifest["classes"])
        if self.classes is None and self.characters:
            if absent := [name for name in self.characters if name not in manifest["classes"]]:
                raise UserError(
                    f"--characters: {some(absent)}: not among the {len(present):,} characters of "
                    f"{data_dir}; omit these, or pass other data as --data_dir"
                )
            return tuple(self.characters)
        first = f"{', '.join(present[:5])}{', ...' * (len(present) > 5)}"
        none = f"{data_dir}: no class is left: none of its {len(present):,} characters ({first}) is"
        if self.classes is not None:
            if not set(self.classes) & set(present):
                raise UserError(
                    f"{none} one of the {len(self.classes):,} requested; pass the data they are "
                    "from"
                )
            return tuple(self.classes)
        chosen = tuple(name for name in present if self.all_classes or gb2312.is_level1(name))
        if not chosen:
            raise UserError(
                f"{none} in GB2312 level 1; include them with --all_classes, or pass other data as "
                "--data_dir"
            )
        return chosen[: self.max_classes]

    def warnings(self, manifest: dict[str, Any]) -> list[str]:
        """Describe the images that are left out, and the damaged records."""
        lines = []
        outside = manifest["outside_level1"]
        if outside["samples"] and not self.all_classes and self.characters is None:
            lines.append(
                f"left out {counted(outside['samples'], 'image')} of "
                f"{counted(outside['classes'], 'symbol or character', 'symbols and characters')} "
                "outside GB2312 level 1 (--all_classes includes them)"
            )
        if manifest["damaged_count"]:
            lines.append(
                f"skipped {counted(manifest['damaged_count'], 'damaged record')}; "
                f"{_first_damage(manifest)} (python -m lsgan_tf verify-data lists them)"
            )
        return lines


def files_of_split(parts: Sequence[GntPart], split: str, data_dir: Path) -> list[GntPart]:
    """Return the files of a split: "train", "test" or "all".

    Raises:
      UserError: if there is none.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {SPLITS}, received {split!r}")
    test = [part for part in parts if part.is_test]
    train = [part for part in parts if not part.is_test]
    if split == "all":
        return list(parts)
    if split == "test":
        if not test:
            raise UserError(
                f"{data_dir}: no test file in it: expected a .gnt file or a folder named as a "
                "test set, as in 1.0test-gb1.gnt; add the test set to this folder"
            )
        return test
    if not train:
        raise UserError(
            f"{data_dir}: no training file in it, only {len(test):,} named as test files "
            f"({test[0].name}), which are never used for training; pass the folder of the training "
            "set, or rename them if they are training files"
        )
    return train


def check_damage(manifest: dict[str, Any], max_bad_records: int | None, data_dir: Path) -> None:
    """Check the number of damaged records.

    Args:
      manifest: description of the prepared dataset.
      max_bad_records: maximum number; None for one in 1,000.
      data_dir: its source, for messages.

    Raises:
      UserError: if there are more.
    """
    damaged, intact = manifest["damaged_count"], manifest["samples"]
    allowed = max_bad_records if max_bad_records is not None else (damaged + intact) // _TOLERATED
    if damaged > allowed:
        raise UserError(
            f"{data_dir}: {damaged:,} of {damaged + intact:,} records damaged, {allowed:,} "
            f"tolerated; {_first_damage(manifest)}; download the file again, list all with "
            "python -m lsgan_tf verify-data, or set --max_bad_records"
        )


def _first_damage(manifest: dict[str, Any]) -> str:
    first = manifest["damaged"][0]
    return f"the first is in {first['file']} at byte {first['offset']}: {first['reason']}"


def some(characters: Sequence[str]) -> str:
    """List at most ten characters."""
    shown = ", ".join(map(printable, characters[:10]))
    return f"{shown}, ... ({len(characters):,})" if len(characters) > 10 else shown
