"""The row of a run in TensorBoard's HParams view.

Metrics of the view are the run's curves; TensorBoard shows the last value of each, so
that of `best/...`, which is written whenever the best becomes better, is the best.
"""

from __future__ import annotations

import enum
import re
import time
from collections.abc import Mapping
from typing import Any

from lsgan_tf.config import Config, settings
from lsgan_tf.settings.field import why_unused
from lsgan_tf.settings.table import changed, setting_rows
from lsgan_tf.util.text import printable

_ALWAYS = (
    "dataset",
    "conditional",
    "network",
    "loss",
    "label_fake",
    "label_real",
    "label_target",
    "steps",
    "batch_size",
    "seed",
    "optimizer",
    "learning_rate",
)
_FACTS = ("data_classes", "data_length", "data_standin")
_DATA_FIELDS = ("description", "standin", "shape", "classes", "length", "fingerprint")
_PLAIN = re.compile(r"[^\w .,/+-]|_")


class Outcome(enum.Enum):
    """How a run ended; a run without an entry counts as running."""

    FINISHED = "STATUS_SUCCESS"
    FAILED = "STATUS_FAILURE"
    """Diverged or collapsed."""
    STOPPED = "STATUS_UNKNOWN"
    """Stopped by a signal; it can be resumed."""


def session_start(config: Config) -> bytes:
    """Returns a serialised summary with the settings of the run's row."""
    from tensorboard.plugins.hparams import summary

    return summary.session_start_pb(values(config)).SerializeToString()


def session_end(outcome: Outcome) -> bytes:
    """Returns a serialised summary of how the run ended, with the current time."""
    from tensorboard.plugins.hparams import api_pb2, summary

    status = api_pb2.Status.Value(outcome.value)
    return summary.session_end_pb(status, time.time()).SerializeToString()


def values(config: Config) -> dict[str, Any]:
    """Returns the settings in the run's row: booleans, numbers and texts by name.

    TensorBoard lists columns by the alphabet, however many there are. So the row has what runs
    are usually compared by (`_ALWAYS`) and what differs from the dataset's defaults. Settings that
    cannot change what is learnt are left out, `steps` aside.
    """
    found: dict[str, Any] = {}
    shown = {*_ALWAYS, *changed(config)}
    for field in settings():
        meta, value = field.metadata, getattr(config, field.name)
        if field.name not in shown or why_unused(config, field):
            continue
        if meta["free"] and field.name != "steps":
            continue
        value = meta["unset"] if value is None else value
        found[field.name] = printable(value) if isinstance(value, str) else value
    return found | {name: getattr(config, name) for name in _FACTS}


def settings_table(config: Config, origins: Mapping[str, str]) -> str:
    """Returns a Markdown table of all settings by group, with their origin, and of the metadata.

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
    for name in _DATA_FIELDS:
        value = getattr(config, f"data_{name}")
        shown = " x ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        lines.append(f"{name} | {escaped(shown)} | data")
    # With a bar at both ends an empty last cell is a cell too.
    return "\n".join(f"| {line} |" for line in lines)


def escaped(text: str) -> str:
    """Escapes text for Markdown: special characters become entities."""
    return _PLAIN.sub(lambda found: f"&#{ord(found[0])};", " ".join(text.split()))
