"""Which curves a report shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lsgan_tf.evaluation.history import figures, plain_name
from lsgan_tf.reporting.facts import Facts
from lsgan_tf.reporting.markup import table, text_of
from lsgan_tf.reporting.svg import Series, chart, short
from lsgan_tf.run_dir.status import is_number

# Title, the rows it is in, and its lines: key and name.
_CHARTS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    ("loss", "stats", (("d_loss", "discriminator"), ("g_loss", "generator"))),
    ("score by D", "stats", (("score_real", "reals"), ("score_fake", "fakes"))),
    (
        "norm of the gradient",
        "stats",
        (("d_gradient_norm", "discriminator"), ("g_gradient_norm", "generator")),
    ),
    ("gradient penalty", "stats", (("gradient_penalty", "penalty"),)),
    ("spread of samples, of that of reals", "watch", (("spread", "spread"),)),
    ("how far D tells reals from fakes", "watch", (("separation", "separation"),)),
    ("images per second", "timing", (("images_per_second", "speed"),)),
)


def charts(runs: Sequence[Facts]) -> str:
    """All curves, as HTML.

    Of one run, a chart holds what belongs together, such as the losses of D and of G.
    Of several, it holds one quantity, in each run's colour. What is known of one step only
    is a number and no curve; measures of quality stand in a table of their own.
    """
    drawn: list[str] = []
    once: list[list[str]] = []
    for title, kind, named in (*_CHARTS, *_of_figures(runs)):
        for whole, series in _together(runs, title, kind, named):
            if any(len({step for step, _ in line.points}) > 1 for line in series):
                drawn.append(chart(whole, series, len(drawn)))
            elif kind != "evaluations":
                once += _numbers(whole, series)
    text = f'<div class="charts">{"".join(drawn)}</div>' if drawn else ""
    if once:
        text += table("numbers", ["known of one step", "step", "value"], once)
    return text or "<p>No curves: nothing has been measured at two steps yet.</p>"


def _together(
    runs: Sequence[Facts], title: str, kind: str, named: tuple[tuple[str, str], ...]
) -> Iterator[tuple[str, list[Series]]]:
    """Each chart's title and lines."""
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
                Series(facts.name, number, _points(facts, kind, key))
                for number, facts in enumerate(runs)
            ],
        )


def _numbers(title: str, series: Sequence[Series]) -> list[list[str]]:
    """A row of cells for each line that has a value."""
    found = []
    for line in series:
        for step, value in line.points[-1:]:
            name = title if len(series) == 1 else f"{title}: {line.name}"
            head = f'<th scope="row">{text_of(name)}</th>'
            found.append([head, f"<td>{step:,}</td>", f"<td>{short(value)}</td>"])
    return found


def _of_figures(
    runs: Sequence[Facts],
) -> list[tuple[str, str, tuple[tuple[str, str], ...]]]:
    names = dict.fromkeys(
        name for facts in runs for row in facts.evaluations for name in figures(row)
    )
    return [
        (name, "evaluations", ((name, name),))
        for name in names
        if not plain_name(name).endswith("_std")
    ]


def _points(facts: Facts, kind: str, key: str) -> list[tuple[float, float]]:
    rows: Sequence[dict[str, Any]] = getattr(facts, kind)
    read: Callable[[dict[str, Any]], Any] = (
        (lambda row: figures(row).get(key)) if kind == "evaluations" else lambda row: row.get(key)
    )
    pairs = ((row.get("step"), read(row)) for row in rows)
    return [(step, value) for step, value in pairs if is_number(step) and is_number(value)]
