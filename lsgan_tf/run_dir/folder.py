"""The run folder: lock, config, and logs that can be rolled back to a checkpoint."""

from __future__ import annotations

import contextlib
import functools
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from lsgan_tf.config import Config
from lsgan_tf.errors import UserError
from lsgan_tf.run_dir.status import values_of
from lsgan_tf.util import locks
from lsgan_tf.util.files import clear_leftovers, explained, write_json
from lsgan_tf.util.in_place import opener, refuse_link
from lsgan_tf.util.paths import local
from lsgan_tf.util.reading import read_json
from lsgan_tf.util.terminal import stdout_error
from lsgan_tf.util.text import SURROGATE, printable

_NUMBERED = re.compile(r"(\d{5})-")
_APPENDED = ("log.txt", "stats.jsonl", "timing.jsonl", "watch.jsonl", "evaluations.jsonl")
_LOCK = "lock"
# Files of a run that ended before its config was written.
_FIRST = (_LOCK, f"{_LOCK}{locks.SOFT}", "classes.json", *_APPENDED)


class RunFolder:
    """The folder of a run, locked while it is open.

    `log.txt` holds the log, `stats.jsonl` the training metrics, `watch.jsonl` the checks of
    the collapse alarm, `evaluations.jsonl` the evaluations (these three are reproducible), and
    `timing.jsonl` the times. They and TensorBoard's events are appended to; `sizes` and
    `truncate` roll them back to a checkpoint.

    Args:
      path: the folder, created if missing.
      config: the config of the run; that of an existing folder must be the same.
      classes: names of the classes in label order, written to `classes.json`.
      chief: whether this process writes files; other workers do not access the folder.

    Attributes:
      path: the folder.
      samples: folder of the sample grids.
      checkpoints: folder of the checkpoints.
      best: folder of the best checkpoint and its SavedModel.
      export: folder of the SavedModel.
      tensorboard: folder of TensorBoard's events.
      resumed: whether it already contained a run.
      echo: prints a line of the log; replaced by a live progress bar.

    Raises:
      UserError: if another process uses the folder, if it is of another run or
        not a run folder, or if it cannot be written.
    """

    def __init__(
        self, path: Path, config: Config, classes: Sequence[str] = (), *, chief: bool = True
    ) -> None:
        self.path, self._chief = local(path), chief
        self.samples, self.checkpoints = self.path / "samples", self.path / "checkpoints"
        self.best, self.export = self.path / "best", self.path / "export"
        self.tensorboard = self.path / "tensorboard"
        self._streams: dict[str, IO[str]] = {}
        self.echo: Callable[[str], None] = functools.partial(print, flush=True)
        self._output_lost = False
        if not chief:
            self.resumed = False
            return
        _check_name(self.path)
        with explained(self.path, "opening the run folder", "--run_dir"):
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock()
        try:
            self.resumed = self._compare(config)
            for folder in self._own_folders():
                refuse_link(folder)
            for folder in (self.path, self.samples, self.best):
                clear_leftovers(folder)
            self._describe(config, classes)
        except BaseException:
            self.close()
            raise

    def log(self, line: str) -> None:
        """Print a line and append it to `log.txt`; on the chief only."""
        if not self._chief:
            return
        self.echo(printable(line, kept="\n\t"))
        if not self._output_lost and (lost := stdout_error()):
            self._output_lost = True
            self.note(
                f"standard output is lost ({lost.strerror}): from here on, lines are in log.txt "
                "only"
            )
        self.note(line)

    def show(self, text: str) -> None:
        """Print a text without appending it to `log.txt`; on the chief only."""
        if self._chief:
            self.echo(printable(text, kept="\n\t"))

    def note(self, line: str) -> None:
        """Append a line to `log.txt` without printing it."""
        self._append("log.txt", printable(line, kept="\n\t"))

    def append(self, name: str, row: dict[str, Any]) -> None:
        """Append a row to one of the `.jsonl` files."""
        self._append(name, json.dumps(row))

    def summarize(self, name: str, found: dict[str, Any] | None) -> None:
        """Replace a section of `summary.json`; None removes it."""
        if not self._chief:
            return
        path = self.path / "summary.json"
        parts = values_of(path)
        parts.pop(name, None)
        with explained(path, "writing it"):
            write_json(path, parts if found is None else {**parts, name: found})

    def sizes(self) -> dict[str, int]:
        """Return the sizes in bytes of the append-only files, by path relative to the folder."""
        for stream in self._streams.values():
            stream.flush()
        return {str(path.relative_to(self.path)): path.stat().st_size for path in self._growing()}

    def truncate(self, sizes: dict[str, int]) -> None:
        """Truncate the append-only files to the given sizes; remove those without a size."""
        if not self._chief:
            return
        self._close_streams()
        for path in self._growing():
            size = sizes.get(str(path.relative_to(self.path)))
            if size is None:
                path.unlink()
            elif path.stat().st_size > size:
                with explained(path, "truncating it"), open(path, "r+b", opener=opener) as stream:
                    stream.truncate(size)

    def close(self) -> None:
        """Close the files and release the lock."""
        self._close_streams()
        if self._chief:
            self._held.close()

    def _own_folders(self) -> list[Path]:
        """List the subfolders that a run writes to."""
        inner = [path for path in self.tensorboard.rglob("*") if path.is_dir()]
        return [self.samples, self.checkpoints, self.best, self.tensorboard, *inner]

    def _growing(self) -> list[Path]:
        files = [self.path / name for name in _APPENDED]
        # Events in subfolders are those of `python -m lsgan_tf.evaluate`.
        files += sorted(self.tensorboard.glob("*tfevents*"))
        return [path for path in files if path.is_file()]

    def _append(self, name: str, line: str) -> None:
        if not self._chief:
            return
        with explained(self.path / name, "writing it"):
            if name not in self._streams:
                path = self.path / name
                # Paths that are not UTF-8 are escaped.
                self._streams[name] = open(  # noqa: SIM115
                    path, "a", encoding="utf-8", errors="backslashreplace", opener=opener
                )
            self._streams[name].write(line + "\n")
            self._streams[name].flush()

    def _close_streams(self) -> None:
        for stream in self._streams.values():
            # Each line was flushed when written; what failed on a full disk fails again.
            with contextlib.suppress(OSError):
                stream.close()
        self._streams.clear()

    def _lock(self) -> None:
        try:
            self._held = locks.take(self.path / _LOCK)
        except BlockingIOError as error:
            soft = self.path / f"{_LOCK}{locks.SOFT}"
            stale = f"; if it ran on another host and has ended, remove {soft}" * soft.exists()
            raise UserError(
                f"{self.path}: another process (id {locks.holder(self.path / _LOCK)}) uses this "
                f"run folder; wait for it, stop it, or give another --run_dir{stale}"
            ) from error

    def _describe(self, config: Config, classes: Sequence[str]) -> None:
        """Write `config.json` and `classes.json`; on failure of a new run, remove both."""
        try:
            with explained(self.path, "writing config.json"):
                # The config first: it identifies the folder as a run's if the rest fails.
                write_json(self.path / "config.json", config.to_json())
                write_json(self.path / "classes.json", list(classes))
        except BaseException:
            if not self.resumed:
                for name in ("classes.json", "config.json"):
                    with contextlib.suppress(OSError):
                        (self.path / name).unlink(missing_ok=True)
            raise

    def _compare(self, config: Config) -> bool:
        path = self.path / "config.json"
        if not path.exists():
            others = [p.name for p in self.path.iterdir() if p.name not in _FIRST]
            others = [name for name in others if not name.startswith(".")]
            if others:
                raise UserError(
                    f"{self.path}: contains {sorted(others)[0]} but no config.json, so it is not "
                    "a run folder; give an empty or a new --run_dir"
                )
            return False
        old = load_config(self.path)
        if rows := old.differences(config):
            raise UserError(
                f"{self.path}: this run was started with other settings ({'; '.join(rows)}); use "
                "the original ones to resume it, or another --run_dir for a new run"
            )
        return True


def _check_name(path: Path) -> None:
    """Check that TensorFlow can write checkpoints to a folder.

    Raises:
      UserError: if its path is not UTF-8.
    """
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError as error:
        raise UserError(
            f"--run_dir={path}: the path is not UTF-8, which TensorFlow needs; choose another, or "
            "set a UTF-8 locale (export LC_ALL=C.UTF-8)"
        ) from error


@contextlib.contextmanager
def tidied(path: Path) -> Iterator[None]:
    """Lock a run folder and clear its leftovers; no-op if it is in use or not writable."""
    try:
        held = locks.take(Path(path) / _LOCK)
    except OSError:
        yield
        return
    with held:
        clear_leftovers(path)
        yield


def load_config(path: Path) -> Config:
    """Read the config of a run folder.

    Raises:
      UserError: if there is none, or it is of an incompatible version.
    """
    file = Path(path) / "config.json"
    if not file.is_file():
        raise UserError(f"{path}: no config.json in it; expected the folder of a run")
    return Config.from_json(read_json(file), str(file))


def load_classes(path: Path) -> list[str]:
    """Read the class names of a run folder, in label order.

    Raises:
      UserError: if the file is missing or damaged.
    """
    file = Path(path) / "classes.json"
    classes = read_json(file, [str])
    if len(set(classes)) < len(classes) or not all(classes) or SURROGATE.search("".join(classes)):
        raise UserError(
            f"{file}: damaged: empty, repeated or invalid class names; restore the original file"
        )
    return classes


def new_run_dir(
    config: Config, parent: Path = Path("runs"), begun: time.struct_time | None = None
) -> Path:
    """Return the next free numbered folder.

    For example, `runs/00007-hwdb-conditional-lsgan-seed0-20260131-154500`.

    Args:
      config: the run's config.
      parent: the folder of the runs.
      begun: local time for the name; by default now.
    """
    numbers = [-1]
    if parent.is_dir():
        matches = (_NUMBERED.match(path.name) for path in parent.iterdir())
        numbers += [int(match[1]) for match in matches if match]
    kind = "-conditional" if config.conditional else ""
    moment = time.strftime("%Y%m%d-%H%M%S", begun or time.localtime())
    name = f"{config.dataset}{kind}-{config.loss}-seed{config.seed}-{moment}"
    return parent / f"{max(numbers) + 1:05d}-{name}"
