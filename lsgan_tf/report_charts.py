"""Which curves a report shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lsgan_tf.best_figure import figures, plain_name
from lsgan_tf.report_curves import Series, chart
from lsgan_tf.report_facts import Facts
from lsgan_tf.run_reading import is_number

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
    Of several, it holds one quantity, in each run's colour.
    """
    drawn: list[str] = []
    for title, kind, named in (*_CHARTS, *_of_figures(runs)):
        if len(runs) == 1:
            series = [
                Series(name, number, _points(runs[0], kind, key))
                for number, (key, name) in enumerate(named)
            ]
            drawn.append(chart(title, series, len(drawn)))
            continue
        for key, name in named:
            series = [
                Series(facts.name, number, _points(facts, kind, key))
                for number, facts in enumerate(runs)
            ]
            whole = f"{title}: {name}" if len(named) > 1 else title
            drawn.append(chart(whole, series, len(drawn)))
    text = "".join(drawn)
    return f'<div class="charts">{text}</div>' if text else "<p>Nothing has been measured yet.</p>"


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
