"""A run's settings as a table in Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lsgan_tf.cli.flags import setting_rows
from lsgan_tf.config import Config

_FACTS = ("description", "standin", "shape", "classes", "length", "fingerprint")
_PLAIN = re.compile(r"[^\w .,/+-]|_")


def settings_table(config: Config, origins: Mapping[str, str]) -> str:
    """All settings by group, with where each comes from, and the dataset's facts.

    Args:
      config: with the dataset's facts.
      origins: where each setting comes from, by name.

    Returns:
      Markdown, in which no value can be anything but text.
    """
    lines = ["setting | value | from", "--- | --- | ---"]
    group = ""
    for row in setting_rows(config, origins):
        if row.group != group:
            group = row.group
            lines.append(f"**{escaped(group)}** | |")
        lines.append(" | ".join(map(escaped, (row.name, row.value, row.origin))))
    lines.append("**what the data turned out to be** | |")
    for name in _FACTS:
        value = getattr(config, f"data_{name}")
        shown = " x ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        lines.append(f"{name} | {escaped(shown)} | data")
    # With a bar at both ends an empty last cell is a cell too.
    return "\n".join(f"| {line} |" for line in lines)


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: whatever could mean something becomes an entity."""
    return _PLAIN.sub(lambda found: f"&#{ord(found[0])};", " ".join(text.split()))
