"""The contents of a run folder that a report shows."""

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
from lsgan_tf.util.reading import open_regular

_GRID = re.compile(r"step-(\d+)(-ema|-raw)?\.png")
_LOG_LINES = 60
_MOST_PIXELS = 50_000_000  # larger images are not opened


@dataclasses.dataclass(frozen=True)
class EmbeddedImage:
    """An image embedded in the page.

    Attributes:
      step: the training step.
      uri: a data URI.
      width: width in pixels.
      height: height in pixels.
    """

    step: int
    uri: str
    width: int
    height: int


class _Encoder(NamedTuple):
    """Settings for re-encoding images.

    Attributes:
      pixels: maximum width.
      quality: quality of WebP, 1 to 100.
      unreadable: receives the names of unreadable images.
    """

    pixels: int
    quality: int
    unreadable: list[str]


@dataclasses.dataclass(frozen=True)
class Setting:
    """A setting and its default."""

    name: str
    group: str
    value: Any
    default: Any

    @property
    def changed(self) -> bool:
        """Whether it differs from the default."""
        return self.value != self.default


@dataclasses.dataclass(frozen=True)
class RunData:
    """A run, for the report.

    Attributes:
      name: name on the page.
      run: the run's status.
      settings: known settings in its config, by group.
      unknown: settings in its config that this version does not know.
      stats: rows of `stats.jsonl`.
      timing: rows of `timing.jsonl`.
      watch: rows of `watch.jsonl`.
      evaluations: see `lsgan_tf.evaluation.history.evaluations`.
      grids: sample grids, oldest first.
      averaged: grids with EMA weights of a run of version 0.1.0, whose `grids` have raw weights.
      raw: grids with raw weights, if `grids` have EMA weights.
      reals: the image of real examples, if it exists and is to be shown.
      left_out: number of grids left out because of the limit.
      unreadable: names of unreadable images.
      best: the best metric.
      best_checkpoint: name of the best checkpoint; empty if none.
      newest_checkpoint: name of the newest checkpoint; empty if none.
      seconds: training time; None if unknown.
      speed: recent median of images per second; None if unknown.
      machine: descriptions of the machines it ran on.
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
    grids: list[EmbeddedImage]
    averaged: list[EmbeddedImage]
    raw: list[EmbeddedImage]
    reals: EmbeddedImage | None
    left_out: int
    unreadable: list[str]
    best: Best | None
    best_checkpoint: str
    newest_checkpoint: str
    seconds: float | None
    speed: float | None
    machine: list[str]
    log: list[str]


def gather(
    path: Path, *, grids: int, pixels: int, quality: int = 82, reals: bool = True
) -> RunData:
    """Read a run folder for the report.

    Args:
      path: the folder.
      grids: maximum number of sample grids, evenly spaced, first and last included.
      pixels: maximum width of images; wider ones are scaled down.
      quality: quality of WebP, 1 to 100.
      reals: whether to include the image of real examples.

    Raises:
      UserError: if there is no such folder.
    """
    if not Path(path).is_dir():
        raise UserError(f"{path}: no such folder; expected the folder of a run")
    run, encoder = read_run(path), _Encoder(pixels, quality, [])
    named = _names(run.path / "samples")
    plain, averaged, raw = chosen = [_evenly(some, grids) for some in named]
    timing = rows(run.path / "timing.jsonl")
    measured = evaluations(run.path)
    known, unknown = _settings(run.values)
    found = checkpoints(run.path)
    speeds = [row["images_per_second"] for row in timing if is_number(row.get("images_per_second"))]
    seconds = [row["seconds"] for row in timing if is_number(row.get("seconds"))]
    log = lines(run.path / "log.txt")
    real = _read_image(run.path / "reals.png", 0, encoder) if reals else None
    return RunData(
        name=run.path.resolve().name,
        run=run,
        settings=known,
        unknown=unknown,
        stats=rows(run.path / "stats.jsonl"),
        timing=timing,
        watch=rows(run.path / "watch.jsonl"),
        evaluations=measured,
        grids=_read_images(plain, encoder),
        averaged=_read_images(averaged, encoder),
        raw=_read_images(raw, encoder),
        reals=real,
        left_out=sum(map(len, named)) - sum(map(len, chosen)),
        unreadable=encoder.unreadable,
        best=best_of_run(run.summary, measured),
        best_checkpoint=_best_checkpoint(run),
        newest_checkpoint=found[0][1].name if found else "",
        seconds=seconds[-1] if seconds else None,
        speed=statistics.median(speeds[-10:]) if speeds else None,
        machine=_machine(log),
        log=log[-_LOG_LINES:],
    )


def with_unique_names(runs: Sequence[RunData]) -> list[RunData]:
    """Rename runs that share a name to their whole path."""
    count = Counter(data.name for data in runs)
    return [
        dataclasses.replace(data, name=str(data.run.path)) if count[data.name] > 1 else data
        for data in runs
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
    """List (step, file) of the grids without suffix, with `-ema` and `-raw`, oldest first."""
    found: dict[str | None, list[tuple[int, Path]]] = {None: [], "-ema": [], "-raw": []}
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if match := _GRID.fullmatch(path.name):
                found[match[2]].append((int(match[1]), path))
    return [sorted(named) for named in found.values()]


def _evenly(items: Sequence[Any], count: int) -> list[Any]:
    """Select at most `count` items, evenly spaced, first and last included."""
    if len(items) <= count:
        return list(items)
    if count < 2:
        return list(items[-count:]) if count else []
    last = len(items) - 1
    return [items[round(number * last / (count - 1))] for number in range(count)]


def _read_images(named: Sequence[tuple[int, Path]], encoder: _Encoder) -> list[EmbeddedImage]:
    found = (_read_image(path, step, encoder) for step, path in named)
    return [image for image in found if image is not None]


def _read_image(path: Path, step: int, encoder: _Encoder) -> EmbeddedImage | None:
    """Decode an image and encode it again, so that only its pixels reach the page."""
    if not path.is_file():
        return None
    try:
        with open_regular(path) as stream, Image.open(stream, formats=["PNG"]) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise ValueError("too large")
            image = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, UserError, Image.DecompressionBombError):
        encoder.unreadable.append(path.name)
        return None
    if image.width > encoder.pixels:
        size = (encoder.pixels, max(1, round(image.height * encoder.pixels / image.width)))
        image = image.resize(size, Image.Resampling.LANCZOS)
    encoded = io.BytesIO()
    image.save(encoded, "WEBP", quality=encoder.quality)
    text = base64.b64encode(encoded.getvalue()).decode("ascii")
    return EmbeddedImage(step, f"data:image/webp;base64,{text}", *image.size)


def _best_checkpoint(run: RunStatus) -> str:
    """Return the name of the best checkpoint; empty if there is none."""
    with contextlib.suppress(OSError):
        kept = sorted(item.name for item in (run.path / "best").iterdir() if item.is_dir())
        if kept:
            return f"best/{kept[-1]}"
        if any((run.path / "best").iterdir()):
            return "best"
    return ""


def _machine(log: Sequence[str]) -> list[str]:
    found = [line.removeprefix("machine: ") for line in log if line.startswith("machine: ")]
    return list(dict.fromkeys(found))
