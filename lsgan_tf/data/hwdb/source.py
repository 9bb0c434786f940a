"""HWDB1.0: labelled images of handwritten Chinese characters."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lsgan_tf.data.formats import gbk
from lsgan_tf.data.hwdb import cache as hwdb_cache
from lsgan_tf.data.hwdb import gnt_files
from lsgan_tf.data.hwdb.selection import Selection, check_damage, files_of_split, some
from lsgan_tf.data.source import Source
from lsgan_tf.errors import UserError
from lsgan_tf.util import files
from lsgan_tf.util.text import counted

STANDIN_FILE = "STANDIN.json"

_STANDIN_WARNINGS = (
    "STAND-IN DATA: these characters are not handwriting. They are drawn by a program from open "
    "stroke data, in place of HWDB1.0, which may not be redistributed.",
    "For the real data, download HWDB1.0 (free for research) from "
    "https://nlpr.ia.ac.cn/databases/handwriting/Download.html: 1.0train-gb1.gnt, or "
    "Gnt1.0TrainPart1.zip to Part3.zip. Pass the folder as --data_dir=FOLDER.",
)


class HwdbSource(Source):
    """Prepared HWDB characters, memory-mapped from the cache.

    Args:
      prepared: the prepared dataset.
      classes: the characters to use, in label order; images of others are left out.
      standin: see `Source`.
      where: split and folder, for the description.
      warnings: see `Source`.

    Attributes:
      folder: folder of the prepared dataset.
    """

    name = "hwdb"

    def __init__(
        self,
        prepared: hwdb_cache.Prepared,
        *,
        classes: Sequence[str],
        standin: bool,
        where: str,
        warnings: Sequence[str],
    ) -> None:
        self.classes = tuple(classes)
        self.shape = prepared.images.shape[1:]
        self.standin = standin
        self.warnings = tuple(warnings)
        self.folder = prepared.folder
        self._images = prepared.images
        self._codes = prepared.codes
        self._label_of_code = _labels(self.classes, prepared.codes)
        keep = self._label_of_code[prepared.codes] >= 0
        self._rows = None if keep.all() else np.flatnonzero(keep)
        self._length = int(keep.sum())
        digest = f"{prepared.folder.name} {''.join(self.classes)}"
        self.fingerprint = hashlib.sha256(digest.encode()).hexdigest()
        self.description = (
            f"{'stand-in for HWDB' if standin else 'HWDB'}, {where}: "
            f"{counted(self._length, 'image')} of {counted(len(self.classes), 'character')}"
        )

    def __len__(self) -> int:
        return self._length

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Return the images at `indices`: uint8, `(n, S, S, 1)`, background 255."""
        return self._images[self._at(indices)]

    def labels(self, indices: np.ndarray) -> np.ndarray:
        """Return the labels at `indices`: int32, `(n,)`."""
        return self._label_of_code[self._codes[self._at(indices)]]

    def _at(self, indices: np.ndarray) -> np.ndarray:
        return indices if self._rows is None else self._rows[indices]


def open_source(
    data_dir: Path | None,
    *,
    image_size: int = 28,
    all_classes: bool = False,
    keep_aspect: bool = False,
    cache_dir: Path | None = None,
    max_bad_records: int | None = None,
    max_classes: int | None = None,
    characters: Sequence[str] | None = None,
    split: str = "train",
    standin_samples: int | None = None,
    standin_seed: int = 0,
    seed: int = 0,
    classes: Sequence[str] | None = None,
    fingerprint: str = "",
) -> Source:
    """Open HWDB characters, preparing them on first use.

    Args:
      data_dir: a folder of `.gnt` files, one such file, or a `.zip` of them; None for the stand-in,
        which is drawn on first use.
      image_size: height and width in pixels.
      all_classes: include symbols and characters outside GB2312 level 1.
      keep_aspect: fit and centre on white instead of squashing to a square.
      cache_dir: folder of prepared datasets; the user's cache folder by default.
      max_bad_records: maximum number of damaged records; one in 1,000 by default.
      max_classes: use only the first classes.
      characters: the classes to use, in this order; all must exist.
      split: "train" (files not named as test files), "test" or "all".
      standin_samples: samples per character of the stand-in; 0 draws a new training split in each
        epoch, while other splits are the default ones.
      standin_seed: seed of a stored stand-in.
      seed: seed of a stand-in that is drawn in each epoch.
      classes: the exact classes, in this order, existing or not, so that a test split has the
        labels of its training split.
      fingerprint: previous fingerprint of the data of a resumed run. Older versions drew all
        characters when `max_classes` was set: such a stand-in is used if it is in the cache and has
        this fingerprint.

    Raises:
      UserError: if the data is missing or damaged, no class is left, or the cache cannot be
        written.
    """
    cache_dir = Path(cache_dir or files.default_cache_dir())
    selection = Selection(all_classes, max_classes, characters, classes)
    opened = functools.partial(
        _open_folder,
        selection=selection,
        split=split,
        cache_dir=cache_dir,
        image_size=image_size,
        keep_aspect=keep_aspect,
        max_bad_records=max_bad_records,
    )
    if data_dir is not None:
        warnings = []
        if standin_samples is not None:
            warnings.append(
                f"--standin_samples={standin_samples} has no effect: --data_dir={data_dir} is "
                "used, so no stand-in is drawn"
            )
        return opened(Path(data_dir), warnings=warnings)
    from lsgan_tf.data.synthetic import handwriting as standin

    drawn = _drawn(selection)
    if standin_samples == 0 and split == "train":
        from lsgan_tf.data.synthetic.handwriting_endless import FreshStandin

        return FreshStandin(
            classes or characters or drawn,
            image_size=image_size,
            keep_aspect=keep_aspect,
            seed=seed,
            warnings=_STANDIN_WARNINGS,
        )
    samples = standin_samples or None
    source = opened(
        standin.ensure(cache_dir, samples_per_class=samples, seed=standin_seed, characters=drawn)
    )
    if max_classes and fingerprint and source.fingerprint != fingerprint:
        folder = standin.kept(cache_dir, samples_per_class=samples, seed=standin_seed)
        older = opened(folder) if folder else source
        source = older if older.fingerprint == fingerprint else source
    return source


def _drawn(selection: Selection) -> Sequence[str]:
    """Return the characters to draw for a stand-in, in the order of GB2312."""
    from lsgan_tf.data.synthetic import strokes

    known = strokes.load()
    if unknown := [character for character in selection.characters or () if character not in known]:
        raise UserError(
            f"--characters: {some(unknown)}: the stand-in has only the {len(known.characters):,} "
            "characters of GB2312 level 1; omit these, or pass data that has them as --data_dir"
        )
    wanted = set(selection.classes or selection.characters or ())
    chosen = [character for character in known.characters if character in wanted]
    return chosen or known.characters[: selection.max_classes]


def _open_folder(
    data_dir: Path,
    *,
    selection: Selection,
    split: str,
    cache_dir: Path,
    image_size: int,
    keep_aspect: bool,
    max_bad_records: int | None,
    warnings: Sequence[str] = (),
) -> HwdbSource:
    """Open a folder of `.gnt` files; see `open_source`."""
    if cache_dir.resolve().is_relative_to(data_dir.resolve()):
        raise UserError(
            f"{cache_dir}: the cache is inside the data folder {data_dir}, which is never written "
            "to; choose another one with --cache_dir"
        )
    is_standin = _is_standin(data_dir)
    parts = files_of_split(gnt_files.find(data_dir), split, data_dir)

    def accept(manifest: dict[str, Any]) -> None:
        check_damage(manifest, max_bad_records, data_dir)
        selection.of(manifest, data_dir)

    prepared = hwdb_cache.open_prepared(
        parts,
        data_dir=data_dir,
        cache_dir=cache_dir,
        image_size=image_size,
        keep_aspect=keep_aspect,
        accept=accept,
    )
    warnings = [*warnings, *prepared.warnings, *selection.warnings(prepared.manifest)]
    return HwdbSource(
        prepared,
        classes=selection.of(prepared.manifest, data_dir),
        standin=is_standin,
        where=str(data_dir) if split == "all" else f"{split} split of {data_dir}",
        warnings=[*_STANDIN_WARNINGS, *warnings] if is_standin else warnings,
    )


def _labels(classes: Sequence[str], codes: np.ndarray) -> np.ndarray:
    """Return the label of each tag: int32, `(65536,)`, -1 if it is not a class."""
    position = {name: label for label, name in enumerate(classes)}
    labels = np.full(1 << 16, -1, np.int32)
    for code in np.unique(codes).tolist():
        labels[code] = position.get(gbk.character(code), -1)
    return labels


def _is_standin(data_dir: Path) -> bool:
    place = data_dir.resolve()
    folders = (place, *place.parents[:2])
    return any((folder / STANDIN_FILE).is_file() for folder in folders)
