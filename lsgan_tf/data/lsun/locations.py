"""Finds the data of an LSUN category: names, address, format on disk."""

from __future__ import annotations

import os
import re
from pathlib import Path

from lsgan_tf.data.formats import archives
from lsgan_tf.data.formats.not_data import is_ignored_path
from lsgan_tf.data.images import image_files, shards, tfds_places
from lsgan_tf.errors import UserError

SCENES = (
    "bedroom", "bridge", "church_outdoor", "classroom", "conference_room", "dining_room",
    "kitchen", "living_room", "restaurant", "tower",
)  # fmt: skip
OBJECTS = (
    "airplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "dining_table", "dog", "horse", "motorbike", "person", "potted_plant", "sheep", "sofa",
    "train", "tv-monitor",
)  # fmt: skip
SPLITS = ("train", "val")

_OTHER_NAMES = {"validation": "val", "test": "val"}
_LMDB_MAGIC = 0xBEEFC0DE
_SPLIT_WORDS = r"train|val|validation|test"
_LMDB_NAME = re.compile(rf"(?:(?P<category>.+)_)?(?P<split>{_SPLIT_WORDS})_lmdb")
_FOLDER_NAME = re.compile(rf"(?P<category>.+)_(?P<split>{_SPLIT_WORDS})")


def checked_split(split: str) -> str:
    """Normalise a split to `"train"` or `"val"` (aliases `"validation"` and `"test"`).

    Raises:
      UserError: if the split is unknown.
    """
    split = _OTHER_NAMES.get(split, split)
    if split not in SPLITS:
        raise UserError(f"LSUN has the splits 'train' and 'val', received {split!r}")
    return split


def address(category: str, split: str = "train") -> str:
    """Return the URL of LSUN's archive of a category.

    Raises:
      UserError: if LSUN has no such category.
    """
    if category in SCENES:
        return f"http://dl.yf.io/lsun/scenes/{category}_{split}_lmdb.zip"
    if category in OBJECTS:
        return f"http://dl.yf.io/lsun/objects/{category}.zip"
    raise UserError(
        f"--category={category}: LSUN has no such category; there are "
        f"{', '.join((*SCENES, *OBJECTS))} (another name requires its <name>_{split}_lmdb or a "
        "folder of images of that name as --data_dir or in it)"
    )


def locate(path: Path, *, category: str, split: str) -> Path:
    """Find the file or folder of a category at or below `path`.

    Returns:
      The folder of an LMDB, a zip, a folder prepared by `prepare-lsun` or tensorflow-datasets, or a
      folder of images.

    Raises:
      UserError: if there is none or more than one, or it is of another category.
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
        require_match(path, path.stem, category, split)
        if not _parsed(path.stem, category)[0]:
            address(category, split)  # a file of any other name must be of a known category
        return path
    require_one_kind(path)
    if holds_lmdb(path):
        # The path may be "." or a link of another name.
        names = (path.name, path.resolve().name)
        name = next((name for name in names if any(_parsed(name, category))), path.name)
        require_match(path, name, category, split)
        if not _parsed(name, category)[0]:
            address(category, split)
        return path
    if shards.holds_shards(path):
        return path
    found = list(_below(path, category, split))
    if len(found) > 1:
        raise UserError(
            f"--data_dir={path}: {category} exists in two formats, {found[0].name} and "
            f"{found[1].name}; pass one of them"
        )
    if not found:
        return _loose_images(path, category, split)
    if found[0].is_dir():
        require_one_kind(found[0])
    return found[0]


def category_of(folder: Path) -> str:
    """Return the category of an LMDB folder: `kitchen` for `kitchen_train_lmdb`."""
    match = _LMDB_NAME.fullmatch(folder.name)
    return match["category"] if match and match["category"] else folder.name


def holds_lmdb(folder: Path) -> bool:
    """Return whether a folder is an LMDB, by content or name."""
    named = _LMDB_NAME.fullmatch(folder.name) is not None
    return (folder / "data.mdb").exists() or (named and folder.is_dir())


def _below(path: Path, category: str, split: str) -> list[Path]:
    """Find the data of a category in a parent folder; a zip only if not unpacked."""
    # Objects have no split in their names: cat.zip with cat/data.mdb.
    names = [f"{category}_{split}_lmdb", *([category] if split == "train" else [])]
    found = [path / name for name in names if holds_lmdb(path / name)]
    if not found:
        found = [path / f"{name}.zip" for name in names if (path / f"{name}.zip").is_file()]
    if prepared := tfds_places.find_prepared(path, "lsun", category):
        found.append(prepared)
    for folder in (path / f"{category}_{split}", path / category / split, path / category):
        if folder.is_dir() and folder not in found and image_files.first_image(folder):
            found.append(folder)
            break
    return found


def _loose_images(path: Path, category: str, split: str) -> Path:
    name = path.resolve().name
    named = name == f"{category}_{split}" or (name == category and split == "train")
    with os.scandir(path) as listing:
        others = {
            entry.name.removesuffix(".zip")
            for entry in listing
            if _is_other(entry.name.removesuffix(".zip"), category, split)
            and (_LMDB_NAME.fullmatch(entry.name.removesuffix(".zip")) or entry.is_dir())
        }
    if named and image_files.first_image(path):
        if others:
            raise UserError(
                f"--data_dir={path}: {', '.join(sorted(others))} in it is not {category} ({split}) "
                f"by its name; pass the folder of the {split} images alone"
            )
        return path
    require_match(path, name, category, split)
    where = address(category, split)  # from here on the category must be LSUN's
    if others:
        raise UserError(
            f"--data_dir={path}: no {category}_{split}_lmdb in it, only "
            f"{', '.join(sorted(others))}; fetch {where} or choose another --category"
        )
    if split == "train" and image_files.first_image(path):
        return path
    raise UserError(
        f"--data_dir={path}: no {split} images of {category} in it; expected "
        f"{category}_{split}_lmdb, its .zip, images, or a folder prepared by "
        f"python -m lsgan_tf prepare-lsun or tensorflow-datasets; fetch {where}"
    )


def _parsed(name: str, category: str) -> tuple[str | None, str | None]:
    """Parse category and split from the name of a file or folder; None if not in it.

    Args:
      name: name without the extension of an archive.
      category: requested category, which may not be LSUN's.
    """
    known = (*SCENES, *OBJECTS, category)
    match = _LMDB_NAME.fullmatch(name) or _FOLDER_NAME.fullmatch(name)
    if match and (name.endswith("_lmdb") or match["category"] in known):
        return match["category"], match["split"]
    if name in _OTHER_NAMES or name == "val":
        return None, name
    if name == "train" != category:
        return None, None  # more likely the split than the category of objects
    return (name, None) if name in known else (None, None)


def _is_other(name: str, category: str, split: str) -> bool:
    """Return whether a name is of another category or split than requested."""
    found, of_split = _parsed(name, category)
    if (found, of_split) == (None, "test"):
        return True  # LSUN's test set of all categories
    if found not in (None, category):
        return True
    return of_split is not None and _OTHER_NAMES.get(of_split, of_split) != split


def require_match(path: Path, name: str, category: str, split: str) -> None:
    """Check that data is not of another category or split by its name.

    Args:
      path: location of the data, for the message.
      name: name of the file or folder without the extension of an archive.
      category: requested category.
      split: requested split.

    Raises:
      UserError: naming both.
    """
    if not _is_other(name, category, split):
        return
    found, of_split = _parsed(name, category)
    if (found, of_split) == (None, "test"):
        raise UserError(
            f"--data_dir={path}: {name} is LSUN's test set by its name: images of all categories "
            f"without labels, not {category} ({split}); fetch {address(category, split)}"
        )
    same = found in (None, category)
    of_split = _OTHER_NAMES.get(of_split, of_split) if of_split else None
    instead = "" if same else f"--category={found} or "
    raise UserError(
        f"--data_dir={path}: contains {found or 'images'}{f' ({of_split})' if of_split else ''} by "
        f"its name {name}, requested {category} ({split}); pass {instead}another folder"
        + (f" (prepare-lsun has --split={of_split})" if same else "")
    )


def database_in(archive: Path) -> archives.Member:
    """Find the database in LSUN's zip.

    Raises:
      UserError: if the archive is damaged or not LSUN's.
    """
    members = [
        member
        for member in archives.list_zip(archive)
        if member.basename == "data.mdb" and not is_ignored_path(member.name)
    ]
    if len(members) != 1:
        raise UserError(
            f"{archive}: expected one data.mdb in LSUN's zip, found {len(members)}; this is not "
            "one of LSUN's archives"
        )
    # The magic number follows the page header of 16 bytes, in the byte order of the writer.
    magic = archives.head_in_zip(archive, members[0], 20)[16:]
    if _LMDB_MAGIC not in (int.from_bytes(magic, "little"), int.from_bytes(magic, "big")):
        raise UserError(
            f"{archive}: its {members[0].name} is not an LMDB; this is not one of LSUN's archives"
        )
    return members[0]


def require_one_kind(folder: Path) -> None:
    """Check that a folder has data of one kind only, and no unfinished preparation.

    Raises:
      UserError: naming one file of each kind.
    """
    kinds: dict[str, str] = {}  # the first file of each, by name
    with os.scandir(folder) as listing:
        for entry in listing:
            kind = _kind_of(entry.name.lower())
            if kind and not entry.name.startswith("."):
                kinds[kind] = min(kinds.get(kind, entry.name), entry.name)
    if len(kinds) > 1:
        names = sorted(kinds, key=kinds.__getitem__)
        raise UserError(
            f"--data_dir={folder}: two kinds of data in one folder, {' and '.join(names)} "
            f"({' and '.join(map(kinds.__getitem__, names))}); pass a folder with one of them"
        )
    if "TFRecords" in kinds and not shards.holds_shards(folder):
        raise UserError(
            f"--data_dir={folder}: TFRecords without a {shards.MANIFEST}: their preparation was "
            "interrupted; run python -m lsgan_tf prepare-lsun again with the same flags"
        )


def _kind_of(name: str) -> str | None:
    if name == "data.mdb":
        return "an LMDB"
    if name.endswith(".tfrecord"):
        return "TFRecords"
    return "images" if name.endswith(image_files.ENDINGS) else None
