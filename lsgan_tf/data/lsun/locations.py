"""Where a category of LSUN lies: its names, its address, its form on the disk."""

from __future__ import annotations

import os
import re
from pathlib import Path

from lsgan_tf.data.formats import archives
from lsgan_tf.data.formats.not_data import in_litter
from lsgan_tf.data.images import image_files, shards, tfds_places
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
_SPLIT_WORDS = r"train|val|validation|test"
_LMDB_NAME = re.compile(rf"(?:(?P<category>.+)_)?(?P<split>{_SPLIT_WORDS})_lmdb")
_PICTURES_NAME = re.compile(rf"(?P<category>.+)_(?P<split>{_SPLIT_WORDS})")


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
      An LMDB's folder, a zip, a folder prepared by `prepare-lsun` or by tensorflow-datasets, or a
      folder of pictures.

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
        require_match(path, path.stem, category, split)
        if not _said(path.stem, category)[0]:
            address(category, split)  # A file of any name must at least be of a known category.
        return path
    require_one_kind(path)
    if holds_lmdb(path):
        # The folder may be given as "." or by a link that says nothing.
        names = (path.name, path.resolve().name)
        name = next((name for name in names if any(_said(name, category))), path.name)
        require_match(path, name, category, split)
        if not _said(name, category)[0]:
            address(category, split)
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
    return match["category"] if match and match["category"] else folder.name


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
    if prepared := tfds_places.find_prepared(path, "lsun", category):
        found.append(prepared)
    for folder in (path / f"{category}_{split}", path / category / split, path / category):
        if folder.is_dir() and folder not in found and image_files.first_picture(folder):
            found.append(folder)
            break
    return found


def _loose_pictures(path: Path, category: str, split: str) -> Path:
    name = path.resolve().name
    named = name == f"{category}_{split}" or (name == category and split == "train")
    with os.scandir(path) as listing:
        others = {
            entry.name.removesuffix(".zip")
            for entry in listing
            if _is_other(entry.name.removesuffix(".zip"), category, split)
            and (_LMDB_NAME.fullmatch(entry.name.removesuffix(".zip")) or entry.is_dir())
        }
    if named and image_files.first_picture(path):
        if others:
            raise UserError(
                f"--data_dir={path}: {', '.join(sorted(others))} in it is not {category} ({split}) "
                f"by its name; pass the folder of the {split} pictures alone"
            )
        return path
    require_match(path, name, category, split)
    where = address(category, split)  # From here on the category must be LSUN's.
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
        f"python -m lsgan_tf prepare-lsun or tensorflow-datasets; fetch {where}"
    )


def _said(name: str, category: str) -> tuple[str | None, str | None]:
    """The category and the split that a file's or folder's name tells, None for what it does not.

    Args:
      name: without an archive's ending.
      category: what is asked for; it may be none of LSUN's.
    """
    known = (*SCENES, *OBJECTS, category)
    match = _LMDB_NAME.fullmatch(name) or _PICTURES_NAME.fullmatch(name)
    if match and (name.endswith("_lmdb") or match["category"] in known):
        return match["category"], match["split"]
    if name in _OTHER_NAMES or name == "val":
        return None, name
    if name == "train" != category:
        return None, None  # The split more likely than the category of objects.
    return (name, None) if name in known else (None, None)


def _is_other(name: str, category: str, split: str) -> bool:
    """Whether a name tells another category or another split than asked for."""
    found, of_split = _said(name, category)
    if (found, of_split) == (None, "test"):
        return True  # LSUN's test set, which is of all categories.
    if found not in (None, category):
        return True
    return of_split is not None and _OTHER_NAMES.get(of_split, of_split) != split


def require_match(path: Path, name: str, category: str, split: str) -> None:
    """Refuses data that by its name is of another category or split than asked for.

    Args:
      path: where it lies, for the message.
      name: of the file or folder, without an archive's ending.
      category: what is asked for.
      split: likewise.

    Raises:
      UserError: naming both.
    """
    if not _is_other(name, category, split):
        return
    found, of_split = _said(name, category)
    if (found, of_split) == (None, "test"):
        raise UserError(
            f"--data_dir={path}: {name} is LSUN's test set by its name: pictures of all categories "
            f"without labels, not {category} ({split}); fetch {address(category, split)}"
        )
    same = found in (None, category)
    of_split = _OTHER_NAMES.get(of_split, of_split) if of_split else None
    instead = "" if same else f"--category={found} or "
    raise UserError(
        f"--data_dir={path}: holds {found or 'pictures'}{f' ({of_split})' if of_split else ''} by "
        f"the name {name}, asked for {category} ({split}); pass {instead}another folder"
        + (f" (prepare-lsun takes --split={of_split})" if same else "")
    )


def database_in(archive: Path) -> archives.Member:
    """The database inside LSUN's zip.

    Raises:
      UserError: if the archive is damaged or not LSUN's.
    """
    members = [
        member
        for member in archives.list_zip(archive)
        if member.basename == "data.mdb" and not in_litter(member.name)
    ]
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
            "interrupted; run python -m lsgan_tf prepare-lsun again with the same flags"
        )


def _kind_of(name: str) -> str | None:
    if name == "data.mdb":
        return "an LMDB"
    if name.endswith(".tfrecord"):
        return "TFRecords"
    return "pictures" if name.endswith(image_files.ENDINGS) else None
