"""Formatting of numbers, durations and sizes, and sanitising of text for terminals."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, TextIO

_NOT_PLAIN = re.compile(r"[^\w .,/+-]|_")
SURROGATE = re.compile("[\ud800-\udfff]")
"""Matches what stands for a byte that is not UTF-8, and cannot be encoded."""
_MARK = "\N{REPLACEMENT CHARACTER}"


def printable(text: str, *, kept: str = "") -> str:
    """Replace the characters of a text that control a terminal.

    Args:
      text: any text.
      kept: characters to keep.

    Returns:
      The text in one line; control characters, line breaks and lone surrogates are replaced
      by U+FFFD.
    """
    if text.isprintable():
        return text
    return "".join(
        # Category Zs: spaces such as the ideographic one.
        letter
        if letter.isprintable() or letter in kept or unicodedata.category(letter) == "Zs"
        else _MARK
        for letter in text
    )


def decoded(text: str) -> str:
    """Decode as UTF-8 what a process in an ASCII locale got from its command line or a file.

    Python represents such bytes by lone surrogates. Other text is returned unchanged.
    """
    if text.isascii():
        return text
    try:
        return os.fsencode(text).decode("utf-8")
    except UnicodeError:
        return text


def escaped_markdown(text: str) -> str:
    """Escape text for Markdown and HTML: special characters become entities."""
    return _NOT_PLAIN.sub(lambda found: f"&#{ord(found[0])};", " ".join(text.split()))


class PrintableStream:
    """Text stream that passes everything written through `printable`.

    Args:
      stream: the underlying stream.

    Attributes:
      controls: the underlying stream, for output of control characters.
    """

    def __init__(self, stream: TextIO) -> None:
        self.controls = stream

    def write(self, text: str) -> int:
        """Write text, keeping line breaks and tabs."""
        self.controls.write(printable(text, kept="\n\t"))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __eq__(self, other: object) -> bool:
        # tqdm compares streams to find those of one terminal.
        return self.controls is getattr(other, "controls", other)

    def __hash__(self) -> int:
        return hash(self.controls)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.controls, name)


def display_width(text: str) -> int:
    """Return the number of terminal columns of a text; Chinese characters take two."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(letter) in ("Mn", "Me", "Cf")
        else 2 if unicodedata.east_asian_width(letter) in "WF"
        else 1
        for letter in text
    )  # fmt: skip


def columns(rows: Sequence[Sequence[str]], *, indent: str = "") -> list[str]:
    """Align the cells of a table in columns.

    Args:
      rows: rows of equally many cells.
      indent: prefix of each line.
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
    """Return the stream to which control characters for `stream` may be written."""
    return getattr(stream, "controls", stream)


def spell(seconds: float) -> str:
    """Format a duration: `2 d 03:04:05`, `03:04:05`."""
    days, rest = divmod(max(round(seconds), 0), 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    text = f"{hours:02d}:{minutes:02d}:{rest:02d}"
    return f"{days} d {text}" if days else text


def number(value: float) -> str:
    """Format a number: 0.0002, 1,000, 1e+30."""
    whole = isinstance(value, int) or (value.is_integer() and abs(value) < 1e15)
    return f"{int(value):,}" if whole else f"{value:g}"


def counted(count: int, one: str, more: str = "") -> str:
    """Format a number of things: `1 file`, `1,000 files`.

    Args:
      count: the number.
      one: what follows if it is 1.
      more: what follows otherwise; by default `one` with an s.
    """
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def describe_size(count: int) -> str:
    """Format a number of bytes: `12.3 MB`."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def describe_age(seconds: float) -> str:
    """Format an age: `3 min`."""
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
