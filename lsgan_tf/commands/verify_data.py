"""Verifies a dataset: what it contains, how much, and which files or records are damaged.

    python -m lsgan_tf verify-data --data_dir=FOLDER

Reads everything and changes nothing. Of a dataset with more images than --most, it decodes only
--most, evenly spaced. The exit status is 0 if the data is intact, 1 if something is damaged, 2 if
it cannot be read at all.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from absl import flags

from lsgan_tf.cli.app import refuse_given
from lsgan_tf.cli.flags import PATH
from lsgan_tf.errors import UserError

# Modules of `lsgan_tf.data.verify`, in the order of detection. `detect(path)` returns whether a
# path is of this kind, `report(path)` verifies it.
KINDS = ("hwdb_prepared", "hwdb", "cifar10", "images")

_DATA_DIR = flags.DEFINE(PATH, "data_dir", None, "folder or file to verify")
_KIND = flags.DEFINE_enum(
    "kind",
    None,
    [*KINDS, "pictures"],
    "kind of data; pictures is the former name of images (default: detected)",
)
_MOST = flags.DEFINE_integer(
    "most", 10_000, "images: maximum number to decode of each dataset; 0 decodes all", lower_bound=0
)
_CACHE_DIR = flags.DEFINE(
    PATH,
    "cache_dir",
    None,
    "images: folder for indices (default: lsgan_tf in the user's cache folder)",
)


def main(argv: list[str]) -> int:
    """Run the command and return the exit status."""
    if len(argv) > 1 or not _DATA_DIR.value:
        raise UserError("expected --data_dir=FOLDER and flags only; see --help")
    data_dir = _DATA_DIR.value
    kind = _kind(data_dir)
    options, unused = {}, ("most", "cache_dir")
    if kind == "images":
        unused = _module(kind).unused_options(data_dir)
        options = {"most": _MOST.value or None, "cache_dir": _CACHE_DIR.value}
    refuse_given(unused, f"not used for the data in {data_dir} ({kind}); omit it")
    lines, fine = _module(kind).report(data_dir, **options)
    print("\n".join(lines))
    return 0 if fine else 1


def _kind(data_dir: Path) -> str:
    if _KIND.value:
        return "images" if _KIND.value == "pictures" else _KIND.value
    if not data_dir.exists():
        raise UserError(f"{data_dir}: no such data folder; give one by --data_dir")
    for kind in KINDS:
        if _module(kind).detect(data_dir):
            return kind
    from lsgan_tf.data.hwdb import gnt_files

    unreadable = gnt_files.survey(data_dir).unreadable
    if unreadable:
        name, why = min(unreadable.items())
        raise UserError(f"{data_dir}: no data of a known kind in it; {name} is {why}")
    raise UserError(
        f"{data_dir}: no data of a known kind in it; give another --data_dir, or set "
        f"--kind={'|'.join(KINDS)} to see what is missing"
    )


def _module(kind: str) -> ModuleType:
    return importlib.import_module(f"lsgan_tf.data.verify.{kind}")
