"""A run's row in TensorBoard's HParams view.

Metrics of the view are the run's curves; TensorBoard shows the last value of each, so
that of `best/...`, which is written whenever the best becomes better, is the best.
"""

from __future__ import annotations

import enum
import time
from typing import Any

from lsgan_tf.config import Config, settings

_FACTS = ("data_classes", "data_length", "data_standin")


class Outcome(enum.Enum):
    """How a run ended; one that never said so counts as running."""

    FINISHED = "STATUS_SUCCESS"
    FAILED = "STATUS_FAILURE"
    """It diverged or collapsed."""
    STOPPED = "STATUS_UNKNOWN"
    """By a signal: it can go on."""


def session_start(config: Config) -> bytes:
    """A summary with the settings that decide what is learnt."""
    from tensorboard.plugins.hparams import summary

    return summary.session_start_pb(values(config)).SerializeToString()


def session_end(outcome: Outcome) -> bytes:
    """A summary that says how the run ended, now."""
    from tensorboard.plugins.hparams import api_pb2, summary

    status = api_pb2.Status.Value(outcome.value)
    return summary.session_end_pb(status, time.time()).SerializeToString()


def values(config: Config) -> dict[str, Any]:
    """What can differ between two runs and matters: booleans, numbers and texts by name."""
    found: dict[str, Any] = {}
    for field in settings():
        meta, value = field.metadata, getattr(config, field.name)
        foreign = meta["only"] and config.dataset not in meta["only"]
        if foreign or (meta["free"] and field.name != "steps"):
            continue
        found[field.name] = meta["unset"] if value is None else value
    return found | {name: getattr(config, name) for name in _FACTS}
