"""What a report tells of a run, gathered from its folder."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import io
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from lsgan_tf.config import Config, settings
from lsgan_tf.errors import UserError
from lsgan_tf.evaluation.history import Best, best_of_run, evaluations
from lsgan_tf.run_dir.status import RunStatus, checkpoints, is_number, lines, read_run, rows
from lsgan_tf.settings.defaults import default_of
from lsgan_tf.util.files import open_regular

_GRID = re.compile(r"step-(\d+)(-ema|-raw)?\.png")
_LOG_LINES = 60
_MOST_PIXELS = 50_000_000  # of a picture that is opened at all


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture as the page holds it."""

    step: int
    uri: str
    width: int
    height: int


class Drawing(NamedTuple):
    """How pictures are drawn anew."""

    pixels: int
    """Widest they may be."""
    quality: int
    """As WebP counts it, 1 to 100."""
    unreadable: list[str]
    """Takes the names of those that could not be read."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """A setting and what it would have been."""

    name: str
    group: str
    value: Any
    default: Any

    @property
    def changed(self) -> bool:
        """Whether it is not its default."""
        return self.value != self.default


@dataclasses.dataclass(frozen=True)
class Facts:
    """A run, for the report.

    Attributes:
      name: what the page calls it.
      run: how it stands.
      settings: every known setting that its config holds, in order of their groups.
      unknown: settings of the config that this version does not know.
      stats: rows of `stats.jsonl`; likewise `timing` and `watch`.
      evaluations: what was measured of it, see `lsgan_tf.evaluation.history.evaluations`.
      grids: sample grids, oldest first.
      averaged: the same of the moving average, of a run of version 0.1.0, whose `grids` are
        of the raw weights.
      raw: the same of the raw weights, beside a moving average.
      reals: real examples, if their picture is there and is to be shown.
      left_out: how many grids are not shown, because of the limit.
      unreadable: names of pictures that could not be read.
      best: the best figure.
      best_checkpoint: name of the checkpoint kept as best; empty if none.
      newest_checkpoint: name of the newest checkpoint; empty if none.
      seconds: time trained; None if unknown.
      speed: median images per second of late; None if unknown.
      machine: what it ran on, a line each time that changed.
      log: the last lines of the log.
    """

    name: str
    run: RunStatus
    settings: list[Setting]
    unknown: dict[str, Any]
    stats: list[dict[str, Any]]
    timing: list[dict[str, Any]]
    watch: list[dict[str, Any]]
    evaluations: list[dict[str, Any]]
    grids: list[Picture]
    averaged: list[Picture]
    raw: list[Picture]
    reals: Picture | None
    left_out: int
    unreadable: list[str]
    best: Best | None
    best_checkpoint: str
    newest_checkpoint: str
    seconds: float | None
    speed: float | None
    machine: list[str]
    log: list[str]


def gather(path: Path, *, grids: int, pixels: int, quality: int = 82, reals: bool = True) -> Facts:
    """Reads a run folder for the report.

    Args:
      path: the folder.
      grids: at most so many sample grids, evenly chosen, first and last included.
      pixels: wider pictures are made smaller to this width.
      quality: of the pictures as WebP, 1 to 100.
      reals: show the picture of real examples.

    Raises:
      UserError: if there is no such folder.
    """
    if not Path(path).is_dir():
        raise UserError(f"{path}: no such folder; expected the folder of a run")
    run, drawing = read_run(path), Drawing(pixels, quality, [])
    named = _names(run.path / "samples")
    plain, averaged, raw = chosen = [_evenly(some, grids) for some in named]
    timing = rows(run.path / "timing.jsonl")
    measured = evaluations(run.path)
    known, unknown = _settings(run.values)
    found = checkpoints(run.path)
    speeds = [row["images_per_second"] for row in timing if is_number(row.get("images_per_second"))]
    seconds = [row["seconds"] for row in timing if is_number(row.get("seconds"))]
    log = lines(run.path / "log.txt")
    real = _picture(run.path / "reals.png", 0, drawing) if reals else None
    return Facts(
        name=run.path.resolve().name,
        run=run,
        settings=known,
        unknown=unknown,
        stats=rows(run.path / "stats.jsonl"),
        timing=timing,
        watch=rows(run.path / "watch.jsonl"),
        evaluations=measured,
        grids=_pictures(plain, drawing),
        averaged=_pictures(averaged, drawing),
        raw=_pictures(raw, drawing),
        reals=real,
        left_out=sum(map(len, named)) - sum(map(len, chosen)),
        unreadable=drawing.unreadable,
        best=best_of_run(run.summary, measured),
        best_checkpoint=_best_checkpoint(run),
        newest_checkpoint=found[0][1].name if found else "",
        seconds=seconds[-1] if seconds else None,
        speed=statistics.median(speeds[-10:]) if speeds else None,
        machine=_machine(log),
        log=log[-_LOG_LINES:],
    )


def told_apart(runs: Sequence[Facts]) -> list[Facts]:
    """The same runs, those that share a name called by their whole path."""
    count = Counter(facts.name for facts in runs)
    return [
        dataclasses.replace(facts, name=str(facts.run.path)) if count[facts.name] > 1 else facts
        for facts in runs
    ]


def _settings(values: dict[str, Any]) -> tuple[list[Setting], dict[str, Any]]:
    dataset = str(values.get("dataset"))
    known = [
        Setting(
            field.name,
            field.metadata["group"],
            values[field.name],
            default_of(dataset, field),
        )
        for field in settings()
        if field.name in values and field.name != "run_dir"
    ]
    names = {field.name for field in dataclasses.fields(Config)} | {"format"}
    return known, {name: value for name, value in values.items() if name not in names}


def _names(folder: Path) -> list[list[tuple[int, Path]]]:
    """(step, file) of the sample grids, oldest first: those with no suffix, `-ema` and `-raw`."""
    found: dict[str | None, list[tuple[int, Path]]] = {None: [], "-ema": [], "-raw": []}
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if match := _GRID.fullmatch(path.name):
                found[match[2]].append((int(match[1]), path))
    return [sorted(named) for named in found.values()]


def _evenly(items: Sequence[Any], count: int) -> list[Any]:
    """At most `count` of them, the first and the last among them."""
    if len(items) <= count:
        return list(items)
    if count < 2:
        return list(items[-count:]) if count else []
    last = len(items) - 1
    return [items[round(number * last / (count - 1))] for number in range(count)]


def _pictures(named: Sequence[tuple[int, Path]], drawing: Drawing) -> list[Picture]:
    found = (_picture(path, step, drawing) for step, path in named)
    return [picture for picture in found if picture is not None]


def _picture(path: Path, step: int, drawing: Drawing) -> Picture | None:
    """A picture drawn anew, so that nothing of the file but its pixels reaches the page."""
    if not path.is_file():
        return None
    try:
        with open_regular(path) as stream, Image.open(stream, formats=["PNG"]) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise ValueError("too large")
            image = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, UserError, Image.DecompressionBombError):
        drawing.unreadable.append(path.name)
        return None
    if image.width > drawing.pixels:
        size = (drawing.pixels, max(1, round(image.height * drawing.pixels / image.width)))
        image = image.resize(size, Image.Resampling.LANCZOS)
    encoded = io.BytesIO()
    image.save(encoded, "WEBP", quality=drawing.quality)
    text = base64.b64encode(encoded.getvalue()).decode("ascii")
    return Picture(step, f"data:image/webp;base64,{text}", *image.size)


def _best_checkpoint(run: RunStatus) -> str:
    """Where the best weights are kept, if the run keeps them."""
    with contextlib.suppress(OSError):
        kept = sorted(item.name for item in (run.path / "best").iterdir() if item.is_dir())
        if kept:
            return f"best/{kept[-1]}"
        if any((run.path / "best").iterdir()):
            return "best"
    return ""


def _machine(log: Sequence[str]) -> list[str]:
    said = [line.removeprefix("machine: ") for line in log if line.startswith("machine: ")]
    return list(dict.fromkeys(said))
