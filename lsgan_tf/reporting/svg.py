"""Charts as inline SVG, coloured by the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from lsgan_tf.reporting.markup import text_of

_WIDTH, _HEIGHT = 640, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 10, 28
_MOST_POINTS = 400
COLOURS = 6
"""Number of colours in the page's style sheet."""


class Series(NamedTuple):
    """A line of a chart.

    Attributes:
      name: name in the legend.
      colour: index of its colour.
      points: pairs of step and value, ordered by step.
    """

    name: str
    colour: int
    points: list[tuple[float, float]]


def chart(title: str, series: Sequence[Series], number: int) -> str:
    """Render a chart with title and legend as HTML; empty if there is nothing to draw.

    The range excludes the highest and the lowest percent of the values, so that a single
    outlier does not flatten the curves; a note gives the number of values out of range.

    Args:
      title: the title.
      series: the lines.
      number: unique number of the chart in the page.
    """
    series = [line._replace(points=thinned(line.points)) for line in series if line.points]
    if not series:
        return ""
    values = sorted(value for line in series for _, value in line.points)
    low, high, beyond = _limits(values)
    last = max(line.points[-1][0] for line in series)
    first = min(line.points[0][0] for line in series)
    span = max(last - first, 1.0)

    def across(step: float) -> float:
        return _LEFT + (step - first) / span * (_WIDTH - _LEFT - _RIGHT)

    def down(value: float) -> float:
        return _TOP + (high - value) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    floor = _HEIGHT - _BOTTOM
    parts = []
    for tick in ticks(low, high, 5):
        y = down(tick)
        parts.append(f'<line class="rule" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" {_y(y, y)}/>')
        parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
                     f"{short(tick)}</text>")  # fmt: skip
    for tick in ticks(first, first + span, 5):
        x = across(tick)
        # A label at the right edge is aligned to it, or it would be cut.
        anchor = "end" if x > _WIDTH - 40 else "middle"
        x = x if anchor == "middle" else _WIDTH - 2
        parts.append(
            f'<text class="tick" x="{x:.1f}" y="{floor + 18}" text-anchor="{anchor}">'
            f"{short(tick)}</text>"
        )
    edge = f'x="{_LEFT}" y="{_TOP}" width="{_WIDTH - _LEFT - _RIGHT}" height="{floor - _TOP}"'
    parts.append(f'<clipPath id="edge{number}"><rect {edge}/></clipPath>')
    parts.append(f'<g clip-path="url(#edge{number})">')
    for line in series:
        colour = f"c{line.colour % COLOURS}"
        places = [(across(step), down(value)) for step, value in line.points]
        if len(places) == 1:
            parts.append(f'<circle class="{colour} dot" cx="{places[0][0]:.1f}" '
                         f'cy="{places[0][1]:.1f}" r="3.5"/>')  # fmt: skip
        else:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            parts.append(f'<polyline class="{colour} curve" points="{path}"/>')
    parts.append("</g>")
    legend = "".join(
        f'<li><span class="key c{line.colour % COLOURS}"></span>{text_of(line.name)} '
        f"<span class=faint>{short(line.points[-1][1])} at the end</span></li>"
        for line in series
    )
    cut = f"<p class=faint>{beyond} of the values are out of range.</p>" if beyond else ""
    spoken = "; ".join(f"{line.name} ends at {short(line.points[-1][1])}" for line in series)
    return (
        f'<figure class="chart"><figcaption>{text_of(title)}</figcaption>'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{text_of(f"{title} by step: {spoken}")}">{"".join(parts)}</svg>'
        f'<ul class="legend">{legend}</ul>{cut}</figure>'
    )


def thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Reduce a curve to at most 400 points: means of equal intervals, and the last point."""
    points = sorted(points)
    if len(points) <= _MOST_POINTS:
        return points
    size = math.ceil((len(points) - 1) / (_MOST_POINTS - 1))
    pieces = [points[start : start + size] for start in range(0, len(points) - 1, size)]
    means = [
        (sum(step for step, _ in piece) / len(piece), sum(value for _, value in piece) / len(piece))
        for piece in pieces
    ]
    return [*means, points[-1]]


def ticks(low: float, high: float, count: int) -> list[float]:
    """Return about `count` round numbers within a range."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def short(value: float) -> str:
    """Format a number compactly: 12k, 1.5M, 0.031."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):.4g}{unit}"
    text = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return "0" if text in ("-0", "0") else text


def _limits(values: Sequence[float]) -> tuple[float, float, int]:
    """Return lower and upper end of the value axis, and the number of values out of range."""
    trim = len(values) // 100
    low, high = values[trim], values[-1 - trim]
    room = 0.08 * (high - low) or 0.5 * abs(high) or 1.0
    low, high = low - room, high + room
    return low, high, sum(not low <= value <= high for value in values)


def _y(first: float, second: float) -> str:
    return f'y1="{first:.1f}" y2="{second:.1f}"'
