"""What is said once of a setting: its default, unit, range, group and help."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lsgan_tf.errors import UserError
from lsgan_tf.util.paths import check_local
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
    only: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    needs: str | None = None,
    without: str | None = None,
    free: bool = False,
    optional: type | None = None,
    unset: str = "none",
    longest: int | None = None,
    path: bool = False,
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
      only: what other settings must be for this one to have an effect: the values by name.
      needs: the setting that must be on (true, given, above 0) for this one to have an effect.
      without: the setting that must be off for this one to have an effect.
      free: it cannot change what is learnt, so a resumed run may change it.
      optional: the flag's type where `default` is None.
      unset: in words, what None stands for.
      longest: a longer text is shown by so many of its first characters.
      path: it names a file or a folder of this machine.
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
            "needs": needs,
            "without": without,
            "free": free,
            "type": optional or type(default),
            "unset": unset,
            "longest": longest,
            "path": path,
        },
    )


def fields_of(config: Any) -> list[dataclasses.Field[Any]]:
    """The fields of a config, or of its class, that were made by `setting`, in their order."""
    return [field for field in dataclasses.fields(config) if field.metadata]


def why_unused(config: Any, field: dataclasses.Field[Any]) -> str:
    """Why a setting has no effect beside the others and what to do; empty if it has one."""
    meta = field.metadata
    for name, choices in meta["only"].items():
        value = getattr(config, name)
        if value not in choices:
            chosen = " or ".join(choices)
            return f"this is for --{name}={chosen} and the {name} is {value}; leave it out"
    needs, without = meta["needs"], meta["without"]
    if needs and not getattr(config, needs):
        return f"this is for runs with --{needs}; give that too, or leave it out"
    if without and getattr(config, without):
        return f"this is for runs without --{without}; leave one of them out"
    return ""


def used_by(meta: Mapping[str, Any]) -> str:
    """What a setting is for, from its field's metadata: "dcgan, mlp" for example."""
    parts = [name for choices in meta["only"].values() for name in choices]
    if meta["needs"]:
        parts.append(f"with --{meta['needs']}")
    if meta["without"]:
        parts.append(f"without --{meta['without']}")
    return ", ".join(parts)


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
        if meta["path"]:
            try:
                check_local(value)
            except UserError as error:
                raise UserError(f"--{field.name}={error}") from error
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
