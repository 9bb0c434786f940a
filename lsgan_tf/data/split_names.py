"""Detects folder names of dataset splits."""

from __future__ import annotations

import re

_AROUND = r"(?:images?|imgs?|pictures?|data(?:set)?|set|split|folder|\d+)"
_SPLIT = re.compile(
    rf"(?:{_AROUND}[-_. ]?)*"
    r"(?:(?P<train>train(?:ing)?|trn)|val(?:id(?:ation)?)?|test(?:ing)?|tst|dev|eval(?:uation)?"
    r"|held?[-_. ]?out)"
    rf"(?:[-_. ]?{_AROUND})*",
    re.IGNORECASE,
)


def split_of(name: str) -> str | None:
    """Return the split that a folder name denotes.

    Returns:
      `"train"`, `"held out"` (validation or test), or None for any other name.
    """
    match = _SPLIT.fullmatch(name)
    if not match:
        return None
    return "train" if match["train"] else "held out"
