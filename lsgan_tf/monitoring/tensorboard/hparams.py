"""The row of a run in TensorBoard's HParams view.

The metrics of the view are the last values of the run's curves. Curves `best/...` are written
at each improvement, so their last value is the best.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Mapping
from typing import Any

from lsgan_tf.config import Config, settings
from lsgan_tf.settings.field import why_unused
from lsgan_tf.settings.table import changed, setting_rows
from lsgan_tf.util.text import escaped_markdown, printable

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
_METADATA = ("data_classes", "data_length", "data_standin")
_DATA_FIELDS = ("description", "standin", "shape", "classes", "length", "fingerprint")


class Outcome(enum.Enum):
    """Outcome of a run; TensorBoard shows a run without one as running."""

    FINISHED = "STATUS_SUCCESS"
    FAILED = "STATUS_FAILURE"
    """Diverged or collapsed."""
    STOPPED = "STATUS_UNKNOWN"
    """Stopped by a signal; it can be resumed."""


def session_start(config: Config) -> bytes:
    """Return a serialised summary with the settings of the run's row."""
    from tensorboard.plugins.hparams import summary

    return summary.session_start_pb(values(config)).SerializeToString()


def session_end(outcome: Outcome) -> bytes:
    """Return a serialised summary of the outcome, with the current time."""
    from tensorboard.plugins.hparams import api_pb2, summary

    status = api_pb2.Status.Value(outcome.value)
    return summary.session_end_pb(status, time.time()).SerializeToString()


def values(config: Config) -> dict[str, Any]:
    """Return the settings and metadata in the run's row: booleans, numbers and strings by name.

    TensorBoard lists all columns alphabetically. To keep them few, the row has only the settings
    in `_ALWAYS` and those that differ from the dataset's defaults, without settings that do not
    affect the result (other than `steps`).
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
    return found | {name: getattr(config, name) for name in _METADATA}


def settings_table(config: Config, origins: Mapping[str, str]) -> str:
    """Return a Markdown table of all settings by group, and of the dataset's metadata.

    Args:
      config: config of the run, with the dataset's metadata.
      origins: origin of each setting, by name.

    Returns:
      Markdown with escaped values.
    """
    lines = ["setting | value | origin", "--- | --- | ---"]
    group = ""
    for row in setting_rows(config, origins):
        if row.group != group:
            group = row.group
            lines.append(f"**{escaped_markdown(group)}** | |")
        lines.append(" | ".join(map(escaped_markdown, (row.name, row.value, row.origin))))
    lines.append("**dataset** | |")
    for name in _DATA_FIELDS:
        value = getattr(config, f"data_{name}")
        shown = " x ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        lines.append(f"{name} | {escaped_markdown(shown)} | data")
    # Without bars at both ends, an empty last cell would be lost.
    return "\n".join(f"| {line} |" for line in lines)
