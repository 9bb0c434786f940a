"""Pack the strokes of the 3,755 characters of GB2312 level 1 for `lsgan_tf.data.synthetic`.

The source is the npm package hanzi-writer-data (Arphic Public License). Usage:

  npm pack hanzi-writer-data@2.0.1
  tar xzf hanzi-writer-data-2.0.1.tgz
  python tools/pack_strokes.py --source=package --out=lsgan_tf/data/synthetic/strokes_gb2312 \
      --changed_on=2026-11-22

Of each character it keeps the medians (centre lines of the strokes, in the order of writing) and
which strokes belong to the radical, without the strokes' outlines. Coordinates are rounded to 256
levels. Output: strokes.npz and an unchanged copy of the licence.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from absl import flags

from lsgan_tf.cli.app import flags_only, run
from lsgan_tf.cli.flags import PATH
from lsgan_tf.data.hwdb.gb2312 import LEVEL1
from lsgan_tf.errors import UserError
from lsgan_tf.util import files, reading

_SOURCE = flags.DEFINE(
    PATH,
    "source",
    None,
    "The unpacked npm package hanzi-writer-data: a folder with one JSON per character.",
)
_OUT = flags.DEFINE(PATH, "out", None, "Folder to write strokes.npz and ARPHICPL.TXT into.")
_CHANGED_BY = flags.DEFINE_string(
    "changed_by",
    "the lsgan_tf authors",
    "Author of the change, for the notice required by the licence.",
)
_CHANGED_ON = flags.DEFINE_string(
    "changed_on", None, "Date of the change, YYYY-MM-DD, for the same notice."
)
_CHARACTERS = flags.DEFINE_string(
    "characters", None, "Characters to keep (default: the 3,755 of GB2312 level 1, by code)."
)
flags.mark_flags_as_required(["source", "out", "changed_on"])

LICENCE = "ARPHICPL.TXT"
PACKED = "strokes.npz"

# The source draws in a box of 1024 units whose top left corner is (0, 900), y upwards.
_BOX, _TOP, _UNITS_PER_LEVEL = 1024, 900, 4


def quantise(median: list[list[float]]) -> np.ndarray:
    """Quantise a stroke's path.

    Args:
      median: points `(x, y)` in the source's units, y upwards.

    Returns:
      uint8, shape `(n, 2)`, y downwards, without consecutive duplicates; n is at least 2, so a
      stroke of one point repeats it.

    Raises:
      ValueError: if it is not a list of points in the source's box.
    """
    points = np.asarray(median, np.float64)
    down = np.stack([points[:, 0], _TOP - points[:, 1]], axis=1)
    if not ((down >= 0) & (down < _BOX)).all():
        raise ValueError(f"a stroke leaves the box of {_BOX} units: {median}")
    grid = np.floor(down / _UNITS_PER_LEVEL)
    moved = np.any(np.diff(grid, axis=0) != 0, axis=1)
    kept = grid[np.concatenate([[True], moved])]
    return np.repeat(kept, 2, axis=0).astype(np.uint8) if len(kept) == 1 else kept.astype(np.uint8)


def pack(source: Path, characters: Sequence[str]) -> dict[str, np.ndarray]:
    """Make the arrays of the packed file.

    Args:
      source: the unpacked npm package.
      characters: the characters, in order.

    Returns:
      `stroke_counts` (strokes of each character), `point_counts` (points of each stroke),
      `radical` (one bit per stroke, packed), `x` and `y` (differences modulo 256 of consecutive
      points, which compress to half of the coordinates' size), all uint8, and `characters` (one
      string).

    Raises:
      UserError: if a character is missing or its file is invalid.
    """
    stroke_counts, point_counts, radical, points = [], [], [], []
    for character in characters:
        record = reading.read_json(source / f"{character}.json")
        try:
            strokes = [quantise(median) for median in record["medians"]]
            in_radical = set(record.get("radStrokes", []))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise UserError(
                f"{source / character}.json: expected medians as lists of points ({error!r}); "
                "unpack hanzi-writer-data 2.0.1 again"
            ) from error
        stroke_counts.append(len(strokes))
        point_counts += [len(stroke) for stroke in strokes]
        radical += [index in in_radical for index in range(len(strokes))]
        points += strokes
    path = np.concatenate(points)
    deltas = np.diff(path, axis=0, prepend=np.zeros((1, 2), np.uint8))
    return {
        "characters": np.array("".join(characters)),
        "stroke_counts": np.array(stroke_counts, np.uint8),
        "point_counts": np.array(point_counts, np.uint8),
        "radical": np.packbits(np.array(radical, bool)),
        "x": deltas[:, 0].copy(),
        "y": deltas[:, 1].copy(),
    }


def notice(version: str) -> str:
    """Return the notice of change required by the Arphic Public License (section 2a)."""
    return (
        f"This file was changed by {_CHANGED_BY.value} on {_CHANGED_ON.value}. It was made from "
        f"hanzi-writer-data {version} (https://github.com/chanind/hanzi-writer-data), which comes "
        "from Make Me a Hanzi (https://github.com/skishore/makemeahanzi) and so from fonts by "
        "Arphic Technology Co., Ltd. Changes: only the characters of GB2312 level 1 are kept, "
        "and of each only the medians and the numbers of the radical's strokes; the y axis "
        "points down; coordinates are rounded to 256 levels; the format is NumPy's npz instead of "
        "JSON. tools/pack_strokes.py of lsgan_tf makes it. It may be copied and changed under the "
        f"Arphic Public License, {LICENCE}, beside this file."
    )


def main(argv: list[str]) -> int:
    flags_only(argv)
    source, out = _SOURCE.value, _OUT.value
    if not (source / LICENCE).is_file():
        raise UserError(
            f"--source={source}: expected {LICENCE} and one JSON per character there; unpack the "
            "npm package hanzi-writer-data and give its folder"
        )
    version = reading.read_json(source / "package.json").get("version", "of an unknown version")
    arrays = pack(source, _CHARACTERS.value or LEVEL1)
    with files.explained(out, "writing the packed strokes"):
        out.mkdir(parents=True, exist_ok=True)
        with files.atomic_file(out / PACKED) as temporary, open(temporary, "wb") as stream:
            np.savez_compressed(stream, notice=np.array(notice(version)), **arrays)
        shutil.copyfile(source / LICENCE, out / LICENCE)
    print(
        f"{out / PACKED}: {len(arrays['stroke_counts']):,} characters, "
        f"{len(arrays['point_counts']):,} strokes, {len(arrays['x']):,} points, "
        f"{(out / PACKED).stat().st_size:,} bytes"
    )
    return 0


if __name__ == "__main__":
    run(main, usage=__doc__)
