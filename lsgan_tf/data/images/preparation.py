"""The folder of a preparation: the file that describes its job, and its lock."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lsgan_tf.data.images import shards
from lsgan_tf.errors import UserError
from lsgan_tf.settings.fingerprints import same
from lsgan_tf.util import files, locks, reading

JOB = "preparation.json"


def begin(out: Path, job: dict[str, Any]) -> None:
    """Create the folder of a preparation, or check that it belongs to this one.

    Raises:
      UserError: if it contains other files, or another preparation.
    """
    path = out / JOB
    if path.is_file():
        found = reading.read_json(path, dict)
        if _same_source(found, job):
            job["source"]["fingerprint"] = found["source"]["fingerprint"]
        if found != job:
            flat, found_flat = _flat(job), _flat(found)
            names = sorted(flat.keys() | found_flat.keys())
            differing = [
                f"{name} {found_flat.get(name)} -> {flat.get(name)}"
                for name in names
                if flat.get(name) != found_flat.get(name)
            ]
            raise UserError(
                f"--out={out}: was started with other settings ({'; '.join(differing)}); use the "
                "same ones, or another folder"
            )
        return
    with files.explained(out, "preparing the images"):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise UserError(
                f"--out={out}: expected a new or empty folder, found other files; use another one"
            )
        (out / shards.INDEX).mkdir(parents=True, exist_ok=True)
        files.write_json(path, job)


@contextlib.contextmanager
def alone(out: Path) -> Iterator[None]:
    """Lock the folder; raise an error if another process is preparing it."""
    try:
        held = locks.take(out / JOB, sign=False)
    except BlockingIOError as error:
        raise UserError(
            f"--out={out}: another process is preparing it; wait for it, or use another folder"
        ) from error
    with held:
        yield


def _same_source(found: Any, job: dict[str, Any]) -> bool:
    """Return whether a preparation, possibly by an earlier version, is of the same records."""
    try:
        return same(found["source"]["fingerprint"], job["source"]["fingerprint"])
    except (KeyError, TypeError, AttributeError):
        return False


def _flat(job: dict[str, Any]) -> dict[str, Any]:
    """Flatten `{"a": {"b": 1}}` to `{"a.b": 1}`."""
    flat: dict[str, Any] = {}
    for name, value in job.items():
        inner = value.items() if isinstance(value, dict) else [("", value)]
        flat.update({f"{name}.{key}".strip("."): item for key, item in inner})
    return flat
