"""What is said once of a setting: its default, unit, range, group and help."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from lsgan_tf.errors import UserError
from lsgan_tf.util.text import number

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def setting(
    group: str,
    default: Any,
    text: str,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    *,
    choices: tuple[str, ...] | None = None,
    only: tuple[str, ...] | None = None,
    free: bool = False,
    optional: type | None = None,
    unset: str = "none",
    longest: int | None = None,
) -> Any:
    """A dataclass field that is also a flag.

    Args:
      group: heading under which `--help` lists it.
      default: value where the paper says nothing for the dataset; its type is the flag's.
      text: help.
      unit: what a number counts or measures.
      low: smallest value allowed.
      high: largest value allowed.
      choices: the values allowed.
      only: the datasets it is for; None is all of them.
      free: it cannot change what is learnt, so a resumed run may change it.
      optional: the flag's type where `default` is None.
      unset: in words, what None stands for.
      longest: a longer text is shown by so many of its first characters.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "group": group,
            "help": text,
            "unit": unit,
            "low": low,
            "high": high,
            "choices": choices,
            "only": only,
            "free": free,
            "type": optional or type(default),
            "unset": unset,
            "longest": longest,
        },
    )


def fields_of(config: Any) -> list[dataclasses.Field[Any]]:
    """The fields of a config, or of its class, that were made by `setting`, in their order."""
    return [field for field in dataclasses.fields(config) if field.metadata]


def check(field: dataclasses.Field[Any], value: Any) -> None:
    """Refuses a value of another type than the field's, or out of its range.

    Raises:
      UserError: naming the flag, what was expected and what was received.
    """
    meta = field.metadata
    if value is None and field.default is None:
        return
    kind = meta["type"]
    # JSON and flags both write a whole number where a fraction could stand.
    right = type(value) is kind or (kind is float and type(value) is int)
    if right and meta["choices"]:
        right = value in meta["choices"]
    elif right and kind is str:
        right = bool(value) and "\0" not in value
    elif right and kind is not bool:
        low = -math.inf if meta["low"] is None else meta["low"]
        high = math.inf if meta["high"] is None else meta["high"]
        # The comparison with infinity leaves out nan too.
        right = abs(value) < math.inf and low <= value <= high
    if not right:
        raise UserError(f"--{field.name}={value}: expected {expected(meta)}")


def expected(meta: Mapping[str, Any]) -> str:
    """What a setting may be, in words, from its field's metadata."""
    if meta["choices"]:
        return f"one of {', '.join(meta['choices'])}"
    limits = range_text(meta)
    if not limits:
        return _KINDS[meta["type"]]
    return f"{_KINDS[meta['type']]}, {limits}"


def range_text(meta: Mapping[str, Any]) -> str:
    """The range of a setting in words, from its field's metadata; empty without one."""
    low, high = meta["low"], meta["high"]
    if low is None and high is None:
        return ""
    if high is None:
        return f"at least {number(low)}"
    return f"{number(low)} to {number(high)}"
