"""The folder of a run: its lock, its config, and logs without gaps or repeats."""

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
from lsgan_tf.util.files import clear_leftovers, explained, read_json, write_json
from lsgan_tf.util.in_place import opener, refuse_link
from lsgan_tf.util.terminal import loss
from lsgan_tf.util.text import printable

_NUMBERED = re.compile(r"(\d{5})-")
_APPENDED = ("log.txt", "stats.jsonl", "timing.jsonl", "watch.jsonl", "evaluations.jsonl")
_LOCK = "lock"
# What a run may hold that ended before its config was written.
_FIRST = (_LOCK, f"{_LOCK}{locks.SOFT}", "classes.json", *_APPENDED)


class RunFolder:
    """A run's folder, held by this process alone while it is open.

    `log.txt` is what the run said, `stats.jsonl` what was measured (the same
    whenever and wherever the run is repeated), `watch.jsonl` and `evaluations.jsonl`
    what its alarm and its measures saw (likewise), `timing.jsonl` how long it took.
    All of them, and TensorBoard's events, grow by appending; `sizes` and
    `truncate` take them back to where a checkpoint was written.

    Args:
      path: the folder; made if it does not exist.
      config: what the run is; an existing folder must hold the same.
      classes: names of the classes in label order, kept in `classes.json`.
      chief: whether this process writes files; another worker does not touch the folder.

    Attributes:
      path: the folder.
      resumed: whether it existed before.
      echo: shows a line of the log to the user; a live bar puts its own here.

    Raises:
      UserError: if another process uses the folder, if it holds another run or
        something else, or if it cannot be written.
    """

    def __init__(
        self, path: Path, config: Config, classes: Sequence[str] = (), *, chief: bool = True
    ) -> None:
        self.path, self._chief = Path(path), chief
        self._streams: dict[str, IO[str]] = {}
        self.echo: Callable[[str], None] = functools.partial(print, flush=True)
        self._unheard = False
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

    @property
    def samples(self) -> Path:
        """Folder of the sample grids."""
        return self.path / "samples"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def export(self) -> Path:
        """Folder of the SavedModel."""
        return self.path / "export"

    @property
    def best(self) -> Path:
        """Folder of the best checkpoint and its SavedModel."""
        return self.path / "best"

    @property
    def tensorboard(self) -> Path:
        """Folder of TensorBoard's events."""
        return self.path / "tensorboard"

    def log(self, line: str) -> None:
        """Prints a line and keeps it in `log.txt`; workers other than the chief are silent."""
        if not self._chief:
            return
        self.echo(printable(line, kept="\n\t"))
        if not self._unheard and (lost := loss()):
            self._unheard = True
            self.note(
                f"standard output is lost ({lost.strerror}): this and later lines are in log.txt "
                "alone"
            )
        self.note(line)

    def note(self, line: str) -> None:
        """Keeps a line in `log.txt` without printing it."""
        self._append("log.txt", printable(line, kept="\n\t"))

    def stats(self, row: dict[str, Any]) -> None:
        """Appends a row to `stats.jsonl`: functions of the config alone, no times."""
        self._append("stats.jsonl", json.dumps(row))

    def timing(self, row: dict[str, Any]) -> None:
        """Appends a row to `timing.jsonl`."""
        self._append("timing.jsonl", json.dumps(row))

    def watch(self, row: dict[str, Any]) -> None:
        """Appends a row to `watch.jsonl`: what the collapse alarm saw."""
        self._append("watch.jsonl", json.dumps(row))

    def evaluation(self, row: dict[str, Any]) -> None:
        """Appends a row to `evaluations.jsonl`: measures of quality."""
        self._append("evaluations.jsonl", json.dumps(row))

    def summarize(self, name: str, found: dict[str, Any] | None) -> None:
        """Replaces a part of `summary.json`: how the run stands now; None takes it out."""
        if not self._chief:
            return
        path = self.path / "summary.json"
        parts = values_of(path)
        parts.pop(name, None)
        with explained(path, "writing it"):
            write_json(path, parts if found is None else {**parts, name: found})

    def sizes(self) -> dict[str, int]:
        """Bytes of each file that grows, by its path within the folder."""
        for stream in self._streams.values():
            stream.flush()
        return {str(path.relative_to(self.path)): path.stat().st_size for path in self._growing()}

    def truncate(self, sizes: dict[str, int]) -> None:
        """Takes every file that grows back to a size; one without a size is removed."""
        if not self._chief:
            return
        self._close_streams()
        for path in self._growing():
            size = sizes.get(str(path.relative_to(self.path)))
            if size is None:
                path.unlink()
            elif path.stat().st_size > size:
                with explained(path, "cutting it"), open(path, "r+b", opener=opener) as stream:
                    stream.truncate(size)

    def close(self) -> None:
        """Lets another process have the folder."""
        self._close_streams()
        if self._chief:
            self._held.close()

    def _own_folders(self) -> list[Path]:
        """The folders that a run writes into."""
        inner = [path for path in self.tensorboard.rglob("*") if path.is_dir()]
        return [self.samples, self.checkpoints, self.best, self.tensorboard, *inner]

    def _growing(self) -> list[Path]:
        files = [self.path / name for name in _APPENDED]
        # Not those in folders beneath: they are of `python -m lsgan_tf.evaluate`.
        files += sorted(self.tensorboard.glob("*tfevents*"))
        return [path for path in files if path.is_file()]

    def _append(self, name: str, line: str) -> None:
        if not self._chief:
            return
        with explained(self.path / name, "writing it"):
            if name not in self._streams:
                path = self.path / name
                # Paths need not be text: what is no UTF-8 is shown as codes.
                self._streams[name] = open(  # noqa: SIM115
                    path, "a", encoding="utf-8", errors="backslashreplace", opener=opener
                )
            self._streams[name].write(line + "\n")
            self._streams[name].flush()

    def _close_streams(self) -> None:
        for stream in self._streams.values():
            # Each line is flushed as it is written; what a full disk refused it refuses again.
            with contextlib.suppress(OSError):
                stream.close()
        self._streams.clear()

    def _lock(self) -> None:
        try:
            self._held = locks.take(self.path / _LOCK)
        except BlockingIOError as error:
            soft = self.path / f"{_LOCK}{locks.SOFT}"
            gone = f"; should it be gone, on another host, remove {soft}" * soft.exists()
            raise UserError(
                f"{self.path}: another process (number {locks.holder(self.path / _LOCK)}) uses "
                f"this run folder; wait for it, stop it, or give another --run_dir{gone}"
            ) from error

    def _describe(self, config: Config, classes: Sequence[str]) -> None:
        """Writes `config.json` and `classes.json`; a new run that cannot leaves neither."""
        try:
            with explained(self.path, "writing config.json"):
                # The config first: by it a folder is known as a run, whatever happens next.
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
                    f"{self.path}: holds {sorted(others)[0]} but no config.json, so it is not a "
                    "run folder; give an empty or a new --run_dir"
                )
            return False
        old = load_config(self.path)
        if rows := old.differences(config):
            raise UserError(
                f"{self.path}: this run was begun with other settings ({'; '.join(rows)}); give "
                "the old ones to resume it, or another --run_dir for a new run"
            )
        return True


def _check_name(path: Path) -> None:
    """Refuses a folder to which TensorFlow cannot write checkpoints.

    Raises:
      UserError: if its path is no text in UTF-8.
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
    """Under it, a run's folder is this process's alone and without leftovers.

    Where another process has the folder, or it cannot be written, nothing is done.
    """
    try:
        held = locks.take(Path(path) / _LOCK)
    except OSError:
        yield
        return
    with held:
        clear_leftovers(path)
        yield


def load_config(path: Path) -> Config:
    """The config of the run in a folder.

    Raises:
      UserError: if there is none, or it was written by another version.
    """
    file = Path(path) / "config.json"
    if not file.is_file():
        raise UserError(f"{path}: no config.json in it; expected the folder of a run")
    return Config.from_json(read_json(file), str(file))


def load_classes(path: Path) -> list[str]:
    """Names of the classes of the run in a folder, in label order.

    Raises:
      UserError: if there are none, or the file is damaged.
    """
    file = Path(path) / "classes.json"
    classes = read_json(file, [str])
    if len(set(classes)) < len(classes) or not all(classes):
        raise UserError(f"{file}: damaged: a class has no name, or two have the same")
    return classes


def new_run_dir(
    config: Config, parent: Path = Path("runs"), begun: time.struct_time | None = None
) -> Path:
    """The next free numbered folder: `runs/00007-hwdb-conditional-lsgan-seed0-20260131-154500`.

    Args:
      config: the run's: its dataset, kind, loss and seed are in the name.
      parent: the folder of the runs.
      begun: local time to put into the name; by default now.
    """
    taken = [-1]
    if parent.is_dir():
        matches = (_NUMBERED.match(path.name) for path in parent.iterdir())
        taken += [int(match[1]) for match in matches if match]
    kind = "-conditional" if config.conditional else ""
    moment = time.strftime("%Y%m%d-%H%M%S", begun or time.localtime())
    name = f"{config.dataset}{kind}-{config.loss}-seed{config.seed}-{moment}"
    return parent / f"{max(taken) + 1:05d}-{name}"
