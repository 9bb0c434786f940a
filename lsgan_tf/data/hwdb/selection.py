"""Which files and classes of HWDB are used, and checks of the records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsgan_tf.data.hwdb import gb2312
from lsgan_tf.data.hwdb.gnt_files import GntPart
from lsgan_tf.errors import UserError
from lsgan_tf.util.text import printable

SPLITS = ("train", "test", "all")
_TOLERATED = 1000  # records per damaged record


def files_of_split(parts: Sequence[GntPart], split: str, data_dir: Path) -> list[GntPart]:
    if split not in SPLITS:
        raise ValueError(f"split must be one of {SPLITS}, received {split!r}")
    test = [part for part in parts if part.is_test]
    train = [part for part in parts if not part.is_test]
    if split == "all":
        return list(parts)
    if split == "test":
        if not test:
            raise UserError(
                f"{data_dir}: no test file in it: expected a .gnt file or a folder with 'test' or "
                "'tst' in its name, as in 1.0test-gb1.gnt; add the test set to this folder"
            )
        return test
    if not train:
        raise UserError(
            f"{data_dir}: no training file in it: all {len(test):,} files are named as test files "
            f"({test[0].name}), which are never used for training; pass the folder of the training "
            "set, or rename them if they are training files"
        )
    return train


def check_damage(manifest: dict[str, Any], max_bad_records: int | None, data_dir: Path) -> None:
    damaged, intact = manifest["damaged_count"], manifest["samples"]
    allowed = max_bad_records if max_bad_records is not None else (damaged + intact) // _TOLERATED
    if damaged <= allowed:
        return
    first = manifest["damaged"][0]
    raise UserError(
        f"{data_dir}: {damaged:,} of {damaged + intact:,} records are damaged and {allowed:,} are "
        f"tolerated; the first is in {first['file']} at byte {first['offset']}: {first['reason']}; "
        "download the file again, list all with python -m lsgan_tf verify-data, or set "
        "--max_bad_records"
    )


def choose(
    manifest: dict[str, Any],
    all_classes: bool,
    max_classes: int | None,
    wanted: Sequence[str] | None,
    data_dir: Path,
) -> tuple[str, ...]:
    present = gb2312.ordered(manifest["classes"])
    some = f"{len(present):,} characters ({', '.join(present[:5])}{', ...' * (len(present) > 5)})"
    if wanted is not None:
        if not set(wanted) & set(present):
            raise UserError(
                f"{data_dir}: no class is left: none of its {some} is one of the "
                f"{len(wanted):,} requested; pass the data they are from"
            )
        return tuple(wanted)
    chosen = tuple(name for name in present if all_classes or gb2312.is_level1(name))
    if not chosen:
        raise UserError(
            f"{data_dir}: no class is left: none of its {some} is in GB2312 level 1; "
            "include them with --all_classes, or pass other data as --data_dir"
        )
    return chosen[:max_classes]


def named(manifest: dict[str, Any], wanted: Sequence[str], data_dir: Path) -> tuple[str, ...]:
    """Return the classes of `--characters`, which must all exist."""
    if absent := [character for character in wanted if character not in manifest["classes"]]:
        raise UserError(
            f"--characters: {some(absent)}: not among the {len(manifest['classes']):,} characters "
            f"of {data_dir}; omit these, or pass other data as --data_dir"
        )
    return tuple(wanted)


def some(characters: Sequence[str]) -> str:
    shown = ", ".join(map(printable, characters[:10]))
    return f"{shown}, ... ({len(characters):,})" if len(characters) > 10 else shown


def manifest_warnings(manifest: dict[str, Any], all_classes: bool) -> list[str]:
    warnings = []
    outside = manifest["outside_level1"]
    if outside["samples"] and not all_classes:
        warnings.append(
            f"left out {outside['samples']:,} images of {outside['classes']:,} symbols and "
            "characters outside GB2312 level 1 (--all_classes includes them)"
        )
    if manifest["damaged_count"]:
        first = manifest["damaged"][0]
        warnings.append(
            f"skipped {manifest['damaged_count']:,} damaged records; the first is in "
            f"{first['file']} at byte {first['offset']}: {first['reason']} "
            "(python -m lsgan_tf verify-data lists them)"
        )
    return warnings
