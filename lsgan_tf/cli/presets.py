"""Presets: flag files of the package, chosen by name (`--preset=hwdb_quick`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from lsgan_tf.errors import UserError

_FOLDER = resources.files("lsgan_tf") / "presets"
_SUFFIX = ".flags"


def preset_names() -> list[str]:
    """List the names of all presets in alphabetical order."""
    names = (entry.name for entry in _FOLDER.iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))


@contextmanager
def preset_file(name: str) -> Iterator[Path]:
    """Yield the path of a preset's flag file, valid inside the context.

    Raises:
      UserError: if the preset does not exist.
    """
    known = preset_names()
    if name not in known:
        raise UserError(
            f"--preset={name}: there is no such preset, expected one of {', '.join(known)}; a file "
            f"of your own is --flagfile=FILE"
        )
    with resources.as_file(_FOLDER / f"{name}{_SUFFIX}") as path:
        yield path
