"""Text for people: numbers, durations, sizes, and text from elsewhere that is safe to show."""

from __future__ import annotations


def printable(text: str) -> str:
    """A text in one line, without anything that a terminal would obey.

    Each control character, line break and half of a character becomes a mark.
    """
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def spell(seconds: float) -> str:
    """A duration for people: `2 d 03:04:05`, `03:04:05`."""
    days, rest = divmod(max(round(seconds), 0), 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    text = f"{hours:02d}:{minutes:02d}:{rest:02d}"
    return f"{days} d {text}" if days else text


def number(value: float) -> str:
    """A number as people write it: 0.0002, 1,000, 1e+30."""
    whole = isinstance(value, int) or (value.is_integer() and abs(value) < 1e15)
    return f"{int(value):,}" if whole else f"{value:g}"


def describe_size(count: int) -> str:
    """Bytes for people: `12.3 MB`."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def describe_age(seconds: float) -> str:
    """How long ago: `3 min`."""
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
