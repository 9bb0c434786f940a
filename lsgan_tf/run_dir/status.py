"""Status of runs, read from their folders without modifying them.

A folder may be damaged, empty, partly copied, of another version, or in use. Problems are
reported as part of the status.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

from lsgan_tf.config import FORMAT
from lsgan_tf.errors import UserError
from lsgan_tf.run_dir.checkpoints import find
from lsgan_tf.util import locks
from lsgan_tf.util.forms import parse_json
from lsgan_tf.util.reading import open_regular, read_bytes, read_json

STATES = (
    "running",
    "finished",
    "stopped",
    "diverged",
    "collapsed",
    "stale",
    "empty",
    "damaged",
    "newer",
)
"""Values of `RunStatus.state`."""
_CONTENTS = ("config.json", "stats.jsonl", "log.txt", "checkpoints", "samples")
# A process without output for this many seconds and logging intervals is stalled.
_SILENT_SECONDS = 900.0
_SILENT_INTERVALS = 10
_DEEPEST = 3
_TAIL = 1 << 16
_LARGEST_LOG = 1 << 30
_LARGEST = 1e300


@dataclasses.dataclass(frozen=True)
class RunStatus:
    """Status of a run.

    Attributes:
      path: the folder.
      state: "running", "finished", "stopped" (by a signal), "diverged", "collapsed", "stale"
        (stalled, no recorded reason), "empty", "damaged", or "newer" (written by a newer
        version).
      note: details of the state; may be empty.
      values: `config.json` as plain values; empty if unreadable.
      step: the last step in the log or of a checkpoint.
      steps: steps to train; None if unknown.
      summary: `summary.json`; empty if there is none.
      changed: time of the last change of its logs, in seconds since 1970; None if never.
    """

    path: Path
    state: str
    note: str = ""
    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    step: int = 0
    steps: int | None = None
    summary: dict[str, Any] = dataclasses.field(default_factory=dict)
    changed: float | None = None

    @property
    def collapse(self) -> dict[str, Any]:
        """State of the collapse alarm; empty if there is none."""
        found = self.summary.get("collapse")
        return found if isinstance(found, dict) else {}


def find_runs(folder: Path) -> list[Path]:
    """Find run folders in a folder, itself included, and empty folders directly in it."""
    folder = Path(folder)
    if _is_run(folder):
        return [folder]
    return sorted(_below(folder, _DEEPEST), key=lambda path: str(path))


def read_run(path: Path) -> RunStatus:
    """Read the status of a run; never raises for damaged contents."""
    path = Path(path)
    try:
        if not any(path.iterdir()):
            return RunStatus(path, "empty", "the folder is empty")
        return _read(path)
    except OSError as error:
        return RunStatus(path, "damaged", f"cannot be read: {error.strerror or error}")


def rows(path: Path) -> list[dict[str, Any]]:
    """Read the rows of a `.jsonl` file, skipping invalid lines."""
    return [row for row in map(_row, lines(path)) if row is not None]


def last_row(path: Path) -> dict[str, Any]:
    """Read the last row of a `.jsonl` file; empty if there is none."""
    for line in reversed(_tail(path).splitlines()):
        if (row := _row(line)) is not None:
            return row
    return {}


def lines(path: Path) -> list[str]:
    """Read the lines of a text file; empty if it cannot be read."""
    with contextlib.suppress(OSError, UserError):
        return read_bytes(path, _LARGEST_LOG).decode("utf-8", errors="replace").splitlines()
    return []


def values_of(path: Path) -> dict[str, Any]:
    """Read a JSON object; empty if the file is missing, damaged, or of another type."""
    with contextlib.suppress(UserError):
        return read_json(path, dict)
    return {}


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value read from JSON is a finite number."""
    return type(value) in (int, float) and abs(value) <= _LARGEST


def checkpoints(path: Path) -> list[tuple[int, Path]]:
    """List (step, folder) of a run's checkpoints, newest first, without verifying them."""
    with contextlib.suppress(OSError):
        return find(path / "checkpoints")
    return []


def size(path: Path) -> int:
    """Return the total size in bytes of the files in a folder."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_size
    return total


def is_held(path: Path) -> bool:
    """Whether a living process uses the run folder."""
    return locks.is_held(path / "lock")


def _below(folder: Path, depth: int) -> Iterator[Path]:
    try:
        inside = [item for item in folder.iterdir() if item.is_dir()]
    except OSError:
        return
    for item in inside:
        if item.name.startswith("."):
            continue
        if _is_run(item) or (depth == _DEEPEST and _is_empty(item)):
            yield item
        elif depth > 1:
            yield from _below(item, depth - 1)


def _is_run(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return any((path / name).exists() for name in _CONTENTS)
    return False


def _is_empty(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return not any(path.iterdir())
    return True


def _read(path: Path) -> RunStatus:
    file, held = path / "config.json", is_held(path)
    if not file.exists():
        if held:
            return RunStatus(path, "running", "just started")
        return RunStatus(path, "damaged", "no config.json in it")
    values = values_of(file)
    if "dataset" not in values:
        return RunStatus(path, "damaged", "config.json is not the config of a run")
    written = values.get("format")
    if is_number(written) and written > FORMAT:
        note = f"written in format {written} by a newer version; this version reads {FORMAT}"
        return RunStatus(path, "newer", note, values, changed=_changed(path))
    found = checkpoints(path)
    last = last_row(path / "stats.jsonl").get("step")
    step = max(found[0][0] if found else 0, int(last) if is_number(last) else 0)
    steps = values.get("steps")
    steps = int(steps) if is_number(steps) else None
    run = RunStatus(
        path, "", "", values, step, steps, values_of(path / "summary.json"), _changed(path)
    )
    state, note = _state(run, held)
    if found and (damage := _damage(found[0][1])):
        note = f"{note}; {damage}" if note else damage
    return dataclasses.replace(run, state=state, note=note)


def _state(run: RunStatus, held: bool) -> tuple[str, str]:
    """Return the state and its details."""
    last = _last_line(run.path)
    finished = run.steps is not None and run.step >= run.steps
    if run.collapse.get("collapsed") is True:
        now = "still running" if held else "finished" if finished else "not running"
        return "collapsed", f"since step {_text(run.collapse.get('since_step'))}, {now}"
    if held:
        return _running(run)
    if last.startswith("diverged"):
        return "diverged", last.removeprefix("diverged:").split(";")[0].strip()
    if finished:
        return "finished", ""
    if last.startswith("stopped by"):
        return "stopped", " ".join(last.split()[1:3])
    return "stale", "its process ended without a recorded reason; the same command resumes it"


def _running(run: RunStatus) -> tuple[str, str]:
    if run.changed is None:
        return "running", "just started"
    silence = time.time() - run.changed
    last = [row.get("seconds") for row in rows(run.path / "timing.jsonl")[-2:]]
    times = [seconds for seconds in last if is_number(seconds)]
    usual = times[1] - times[0] if len(times) == 2 else 0.0
    if silence > max(_SILENT_SECONDS, _SILENT_INTERVALS * usual):
        return "stale", f"its process is alive but has written nothing for {silence / 60:,.0f} min"
    return "running", ""


def _last_line(path: Path) -> str:
    """Return the last non-empty line of the log."""
    for line in reversed(_tail(path / "log.txt").splitlines()):
        if line.strip():
            return line.strip()
    return ""


def _tail(path: Path) -> str:
    with contextlib.suppress(OSError, UserError):
        with open_regular(path) as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL))
            return stream.read().decode("utf-8", errors="replace")
    return ""


def _row(line: str) -> dict[str, Any] | None:
    try:
        found = parse_json(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _changed(path: Path) -> float | None:
    times = []
    for name in ("log.txt", "stats.jsonl", "config.json"):
        with contextlib.suppress(OSError):
            times.append((path / name).stat().st_mtime)
    return max(times, default=None)


def _damage(checkpoint: Path) -> str:
    """Describe damage of a checkpoint that is visible in its files' sizes; empty if none."""
    manifest = values_of(checkpoint / "checkpoint.json").get("files")
    if not isinstance(manifest, dict) or not manifest:
        return f"{checkpoint.name} is damaged: no checkpoint.json"
    for name, expected in manifest.items():
        with contextlib.suppress(OSError, TypeError, KeyError, ValueError):
            if (checkpoint / name).stat().st_size == expected["bytes"]:
                continue
        return f"{checkpoint.name} is damaged: {name} is truncated or missing"
    return ""


def _text(value: Any) -> str:
    return f"{value:,}" if is_number(value) else "?"
