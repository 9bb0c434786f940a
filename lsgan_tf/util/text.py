"""Texts from elsewhere (names of folders, classes, logs) that are safe to show."""

from __future__ import annotations


def printable(text: str) -> str:
    """A text in one line, without anything that a terminal would obey.

    Each control character, line break and half of a character becomes a mark.
    """
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
