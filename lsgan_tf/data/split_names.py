"""Detects names of dataset splits."""

from __future__ import annotations

import re

_AROUND = r"(?:images?|imgs?|pictures?|data|set|split|folder|seg|raw|lmdb|full|\d+(?!\d))"
_SPLIT = re.compile(
    rf"(?:{_AROUND}[-_. ]?)*"
    r"(?:(?P<train>train(?:ing)?(?:[-_. ]?val)?|trn)|val(?:id(?:ation)?)?|test(?:ing)?|tst|dev"
    r"|eval(?:uation)?|held?[-_. ]?out)"
    # CycleGAN's folders are named trainA, trainB, testA and testB.
    rf"(?:[-_. ]?{_AROUND})*(?-i:[-_. ]?[AB])?"
    r"|(?P<chinese_train>[训訓][练練])[集组組]?|[测測][试試][集组組]?|[验驗][证證][集组組]?",
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
    return "train" if match["train"] or match["chinese_train"] else "held out"
