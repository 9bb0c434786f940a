"""Text for people: numbers, durations, sizes, and text from elsewhere that is safe to show."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any, TextIO

_MARK = "\N{REPLACEMENT CHARACTER}"


def printable(text: str, *, kept: str = "") -> str:
    """A text without anything that a terminal would obey.

    Args:
      text: any text.
      kept: characters that stay all the same.

    Returns:
      The text in one line; each control character, line break and half of a character is a mark.
    """
    if text.isprintable():
        return text
    return "".join(
        # Spaces other than the ASCII one, such as the ideographic, are no more than spaces.
        letter
        if letter.isprintable() or letter in kept or unicodedata.category(letter) == "Zs"
        else _MARK
        for letter in text
    )


class PrintableStream:
    """A text stream that a terminal may show: all that is written goes through `printable`.

    Args:
      stream: where it goes.

    Attributes:
      controls: the stream itself, for whoever means to move the cursor.
    """

    def __init__(self, stream: TextIO) -> None:
        self.controls = stream

    def write(self, text: str) -> int:
        """Writes a text; line breaks and tabulators stay."""
        self.controls.write(printable(text, kept="\n\t"))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Writes several texts."""
        for line in lines:
            self.write(line)

    def __eq__(self, other: object) -> bool:
        # tqdm asks whether two streams are one terminal.
        return self.controls is getattr(other, "controls", other)

    def __hash__(self) -> int:
        return hash(self.controls)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.controls, name)


def display_width(text: str) -> int:
    """Columns that a text takes on a terminal: Chinese characters take two each."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(letter) in ("Mn", "Me", "Cf")
        else 2 if unicodedata.east_asian_width(letter) in "WF"
        else 1
        for letter in text
    )  # fmt: skip


def columns(rows: Sequence[Sequence[str]], *, indent: str = "") -> list[str]:
    """Lines of a table whose columns are as wide as their widest cell.

    Args:
      rows: cells, as many in each row.
      indent: stands before each line.
    """
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    return [
        indent
        + "  ".join(
            cell + " " * (width - display_width(cell))
            for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def controls(stream: TextIO) -> TextIO:
    """What takes control characters of our own for a stream."""
    return getattr(stream, "controls", stream)


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
