"""The 3,755 characters of GB2312 level 1 and the order of HWDB's classes."""

from __future__ import annotations

from collections.abc import Iterable


def _level1() -> tuple[str, ...]:
    # Rows B0 to D7 of 94 characters each; the last row stops at D7F9.
    codes = (bytes((row, cell)) for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF))
    return tuple(code.decode("gb2312") for code in codes if code <= b"\xd7\xf9")


LEVEL1: tuple[str, ...] = _level1()
"""The characters of GB2312 level 1 in code order (B0A1 to D7F9), sorted by pronunciation."""

_RANK = {character: rank for rank, character in enumerate(LEVEL1)}


def is_level1(character: str) -> bool:
    """Return whether `character` is one of the 3,755."""
    return character in _RANK


def ordered(characters: Iterable[str]) -> tuple[str, ...]:
    """Sort unique characters: level 1 in its order, then others by GBK code."""

    def rank(character: str) -> tuple[int, bytes]:
        return _RANK.get(character, len(_RANK)), character.encode("gbk", "replace")

    return tuple(sorted(set(characters), key=rank))
