"""Where a category of LSUN lies: its names, its address, its form on the disk."""

from __future__ import annotations

import os
import re
from pathlib import Path

from lsgan_tf.data.formats import archives
from lsgan_tf.data.images import image_files, shards, tfds_folder
from lsgan_tf.errors import UserError

SCENES = (
    "bedroom",
    "bridge",
    "church_outdoor",
    "classroom",
    "conference_room",
    "dining_room",
    "kitchen",
    "living_room",
    "restaurant",
    "tower",
)
OBJECTS = (
    "airplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "dining_table",
    "dog",
    "horse",
    "motorbike",
    "person",
    "potted_plant",
    "sheep",
    "sofa",
    "train",
    "tv-monitor",
)
SPLITS = ("train", "val")

_OTHER_NAMES = {"validation": "val", "test": "val"}
_LMDB_MARK = 0xBEEFC0DE
_LMDB_NAME = re.compile(r"(?P<category>.+)_(?P<split>train|val)_lmdb")


def checked_split(split: str) -> str:
    """`"train"` or `"val"`, which `"validation"` and `"test"` mean too.

    Raises:
      UserError: if it is anything else.
    """
    split = _OTHER_NAMES.get(split, split)
    if split not in SPLITS:
        raise UserError(f"LSUN has the splits 'train' and 'val', received {split!r}")
    return split


def address(category: str, split: str = "train") -> str:
    """Where LSUN's archive of a category is published.

    Raises:
      UserError: if LSUN has no such category.
    """
    if category in SCENES:
        return f"http://dl.yf.io/lsun/scenes/{category}_{split}_lmdb.zip"
    if category in OBJECTS:
        return f"http://dl.yf.io/lsun/objects/{category}.zip"
    raise UserError(
        f"--category={category}: LSUN has no such category; there are "
        f"{', '.join((*SCENES, *OBJECTS))} (another name needs its <name>_{split}_lmdb or a "
        "folder of pictures of that name as --data_dir or in it)"
    )


def locate(path: Path, *, category: str, split: str) -> Path:
    """Which file or folder at or below `path` holds a category.

    Returns:
      An LMDB's folder, a zip, a folder prepared by `tools/prepare_lsun.py` or by
      tensorflow-datasets, or a folder of pictures.

    Raises:
      UserError: if there is none, or more than one, or it holds another category.
    """
    if not path.exists():
        raise UserError(
            f"--data_dir={path}: no such file or folder; fetch {address(category, split)}"
        )
    if path.name == "data.mdb":
        path = path.parent
    if path.is_file():
        if path.suffix.lower() != ".zip":
            raise UserError(f"--data_dir={path}: expected LSUN's .zip or a folder")
        _require_match(path, path.stem, category, split)
        return path
    require_one_kind(path)
    if holds_lmdb(path):
        _require_match(path, path.name, category, split)
        return path
    if shards.holds_shards(path):
        return path
    found = list(_below(path, category, split))
    if len(found) > 1:
        raise UserError(
            f"--data_dir={path}: {category} is there in two forms, {found[0].name} and "
            f"{found[1].name}; pass one of them"
        )
    if not found:
        return _loose_pictures(path, category, split)
    if found[0].is_dir():
        require_one_kind(found[0])
    return found[0]


def category_of(folder: Path) -> str:
    """The category that the name of an LMDB's folder tells: `kitchen` of `kitchen_train_lmdb`."""
    match = _LMDB_NAME.fullmatch(folder.name)
    return match["category"] if match else folder.name


def holds_lmdb(folder: Path) -> bool:
    """Whether a folder is an LMDB, or by its name should be one."""
    named = _LMDB_NAME.fullmatch(folder.name) is not None
    return (folder / "data.mdb").exists() or (named and folder.is_dir())


def _below(path: Path, category: str, split: str) -> list[Path]:
    """The forms of a category in its parent folder; a zip only if it is not unpacked."""
    # The objects come without a split in their names: cat.zip with cat/data.mdb.
    names = [f"{category}_{split}_lmdb", *([category] if split == "train" else [])]
    found = [path / name for name in names if holds_lmdb(path / name)]
    if not found:
        found = [path / f"{name}.zip" for name in names if (path / f"{name}.zip").is_file()]
    if prepared := tfds_folder.find_prepared(path, "lsun", category):
        found.append(prepared)
    for folder in (path / f"{category}_{split}", path / category / split, path / category):
        if folder.is_dir() and folder not in found and image_files.first_picture(folder):
            found.append(folder)
            break
    return found


def _loose_pictures(path: Path, category: str, split: str) -> Path:
    name = path.resolve().name
    named = name == f"{category}_{split}" or (name == category and split == "train")
    if named and image_files.first_picture(path):
        return path
    where = address(category, split)  # From here on the category must be LSUN's.
    with os.scandir(path) as listing:
        others = {match[0] for entry in listing if (match := _lmdb_named(entry.name))}
    if others:
        raise UserError(
            f"--data_dir={path}: no {category}_{split}_lmdb in it, only "
            f"{', '.join(sorted(others))}; fetch {where} or choose another --category"
        )
    if split == "train" and image_files.first_picture(path):
        return path
    raise UserError(
        f"--data_dir={path}: no {split} pictures of {category} in it; expected "
        f"{category}_{split}_lmdb, its .zip, pictures, or a folder prepared by "
        f"tools/prepare_lsun.py or tensorflow-datasets; fetch {where}"
    )


def _lmdb_named(name: str) -> re.Match[str] | None:
    return _LMDB_NAME.fullmatch(name.removesuffix(".zip"))


def _require_match(path: Path, name: str, category: str, split: str) -> None:
    match = _LMDB_NAME.fullmatch(name)
    if match and (match["category"], match["split"]) != (category, split):
        same = match["category"] == category
        instead = "" if same else f"--category={match['category']} or "
        raise UserError(
            f"--data_dir={path}: holds {match['category']} ({match['split']}), asked for "
            f"{category} ({split}); pass {instead}another folder"
            + (f" (tools/prepare_lsun.py takes --split={match['split']})" if same else "")
        )
    if not match:
        address(category, split)  # A file of any name must at least be of a known category.


def database_in(archive: Path) -> archives.Member:
    """The database inside LSUN's zip.

    Raises:
      UserError: if the archive is damaged or not LSUN's.
    """
    members = [member for member in archives.list_zip(archive) if member.basename == "data.mdb"]
    if len(members) != 1:
        raise UserError(
            f"{archive}: expected one data.mdb in LSUN's zip, found {len(members)}; this is not "
            "one of LSUN's archives"
        )
    # A page begins with 16 bytes of its own; the mark is in the byte order of whoever wrote it.
    mark = archives.head_in_zip(archive, members[0], 20)[16:]
    if _LMDB_MARK not in (int.from_bytes(mark, "little"), int.from_bytes(mark, "big")):
        raise UserError(
            f"{archive}: its {members[0].name} is not an LMDB; this is not one of LSUN's archives"
        )
    return members[0]


def require_one_kind(folder: Path) -> None:
    """Refuses a folder that holds data of several kinds, or a preparation's unfinished work.

    Raises:
      UserError: naming one file of each kind.
    """
    kinds: dict[str, str] = {}  # The first file of each, by name.
    with os.scandir(folder) as listing:
        for entry in listing:
            kind = _kind_of(entry.name.lower())
            if kind and not entry.name.startswith("."):
                kinds[kind] = min(kinds.get(kind, entry.name), entry.name)
    if len(kinds) > 1:
        names = sorted(kinds, key=kinds.__getitem__)
        raise UserError(
            f"--data_dir={folder}: two kinds of data in one folder, {' and '.join(names)} "
            f"({' and '.join(map(kinds.__getitem__, names))}); pass a folder that holds one of them"
        )
    if "TFRecords" in kinds and not shards.holds_shards(folder):
        raise UserError(
            f"--data_dir={folder}: TFRecords without a {shards.MANIFEST}: their preparation was "
            "interrupted; run the same tools/prepare_lsun.py command again"
        )


def _kind_of(name: str) -> str | None:
    if name == "data.mdb":
        return "an LMDB"
    if name.endswith(".tfrecord"):
        return "TFRecords"
    return "pictures" if name.endswith(image_files.ENDINGS) else None
