"""JSON values stored in a checkpoint besides the variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lsgan_tf.monitoring.collapse import ALARM_FORM
from lsgan_tf.monitoring.window import WINDOW_FORM, Window
from lsgan_tf.util.forms import check_form, fields_of

_FORM = {
    "seconds": float,
    "window": WINDOW_FORM,
    "sizes": {str: int},
    "watch?": ({"alarm": ALARM_FORM, "window": WINDOW_FORM}, None),
    "best?": ({"step": int, "metric": str, "weights": str, "value": float}, None),
    "dashboard?": bool,
}


def check_extra(extra: dict[str, Any], metrics: Sequence[str]) -> None:
    """Check the values read from a checkpoint.

    Args:
      extra: the parsed JSON.
      metrics: names of the run's training metrics.

    Raises:
      ValueError: if they are malformed or belong to other metrics.
    """
    check_form(extra, _FORM)
    for owner in (extra, extra.get("watch")):
        window = Window(**fields_of(Window, owner["window"])) if owner else None
        if window and (window.names, len(window.sums)) != (tuple(metrics), len(metrics)):
            raise ValueError("window: of other metrics than this run's")
