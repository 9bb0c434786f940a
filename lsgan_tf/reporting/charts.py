"""The charts of a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lsgan_tf.evaluation.history import metrics_of, plain_name
from lsgan_tf.reporting.markup import table, text_of
from lsgan_tf.reporting.run_data import RunData
from lsgan_tf.reporting.svg import Series, chart, short
from lsgan_tf.run_dir.status import is_number

# Title, log file, and the key and name of each line.
_CHARTS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    ("loss", "stats", (("d_loss", "discriminator"), ("g_loss", "generator"))),
    ("score by D", "stats", (("score_real", "reals"), ("score_fake", "fakes"))),
    (
        "gradient norm",
        "stats",
        (("d_gradient_norm", "discriminator"), ("g_gradient_norm", "generator")),
    ),
    ("gradient penalty", "stats", (("gradient_penalty", "penalty"),)),
    ("spread of samples relative to reals", "watch", (("spread", "spread"),)),
    ("separation of reals and fakes by D", "watch", (("separation", "separation"),)),
    ("images per second", "timing", (("images_per_second", "speed"),)),
)


def charts(runs: Sequence[RunData]) -> str:
    """Render all charts as HTML.

    With one run, a chart combines related quantities, such as the losses of D and G. With
    several, it shows one quantity with a curve per run. Values at a single step go into a
    table; evaluations have a separate table.
    """
    drawn: list[str] = []
    once: list[list[str]] = []
    for title, kind, named in (*_CHARTS, *_of_evaluations(runs)):
        for whole, series in _together(runs, title, kind, named):
            if any(len({step for step, _ in line.points}) > 1 for line in series):
                drawn.append(chart(whole, series, len(drawn)))
            elif kind != "evaluations":
                once += _numbers(whole, series)
    text = f'<div class="charts">{"".join(drawn)}</div>' if drawn else ""
    if once:
        text += table("numbers", ["measured at one step", "step", "value"], once)
    return text or "<p>No curves: fewer than two measurements so far.</p>"


def _together(
    runs: Sequence[RunData], title: str, kind: str, named: tuple[tuple[str, str], ...]
) -> Iterator[tuple[str, list[Series]]]:
    """Yield title and lines of each chart."""
    if len(runs) == 1:
        yield (
            title,
            [
                Series(name, number, _points(runs[0], kind, key))
                for number, (key, name) in enumerate(named)
            ],
        )
        return
    for key, name in named:
        yield (
            f"{title}: {name}" if len(named) > 1 else title,
            [
                Series(data.name, number, _points(data, kind, key))
                for number, data in enumerate(runs)
            ],
        )


def _numbers(title: str, series: Sequence[Series]) -> list[list[str]]:
    """Return a table row for the last value of each line."""
    found = []
    for line in series:
        for step, value in line.points[-1:]:
            name = title if len(series) == 1 else f"{title}: {line.name}"
            head = f'<th scope="row">{text_of(name)}</th>'
            found.append([head, f"<td>{step:,}</td>", f"<td>{short(value)}</td>"])
    return found


def _of_evaluations(
    runs: Sequence[RunData],
) -> list[tuple[str, str, tuple[tuple[str, str], ...]]]:
    names = dict.fromkeys(
        name for data in runs for row in data.evaluations for name in metrics_of(row)
    )
    return [
        (name, "evaluations", ((name, name),))
        for name in names
        if not plain_name(name).endswith("_std")
    ]


def _points(data: RunData, kind: str, key: str) -> list[tuple[float, float]]:
    rows: Sequence[dict[str, Any]] = getattr(data, kind)
    read: Callable[[dict[str, Any]], Any] = (
        (lambda row: metrics_of(row).get(key))
        if kind == "evaluations"
        else lambda row: row.get(key)
    )
    pairs = ((row.get("step"), read(row)) for row in rows)
    return [(step, value) for step, value in pairs if is_number(step) and is_number(value)]
