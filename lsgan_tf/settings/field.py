"""Dataclass fields with the metadata of a setting: unit, range, group, help."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
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
    needs: str | tuple[str, ...] = (),
    without: str | None = None,
    free: bool = False,
    optional: type | None = None,
    unset: str = "none",
    longest: int | None = None,
    path: bool = False,
) -> Any:
    """Create a dataclass field that is also a flag.

    Args:
      group: heading in `--help`.
      default: value for datasets without one in `PAPER`; its type is the flag's type.
      text: help text.
      unit: unit of a number.
      low: minimum.
      high: maximum.
      choices: allowed values.
      only: values of other settings, by name, with which this one has an effect.
      needs: name of a setting that must be truthy, and have an effect itself, for this one to have
        an effect; or several names, one of which must be.
      without: name of a setting that must be falsy for this one to have an effect.
      free: whether it does not affect the result, so that a resumed run may change it.
      optional: type of the flag if `default` is None.
      unset: description of None.
      longest: number of characters after which the value is abbreviated in tables.
      path: whether it is a local path.
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
            "needs": (needs,) if isinstance(needs, str) else needs,
            "without": without,
            "free": free,
            "type": optional or type(default),
            "unset": unset,
            "longest": longest,
            "path": path,
        },
    )


def fields_of(config: Any) -> list[dataclasses.Field[Any]]:
    """Return the fields of a config or its class that were created by `setting`, in order."""
    return [field for field in dataclasses.fields(config) if field.metadata]


def why_unused(config: Any, field: dataclasses.Field[Any]) -> str:
    """Explain why a setting has no effect, with a remedy; empty if it has one."""
    meta = field.metadata
    for name, choices in meta["only"].items():
        value = getattr(config, name)
        if value not in choices:
            chosen = " or ".join(choices)
            return f"only for --{name}={chosen} and the {name} is {value}; omit it"
    needs, without = meta["needs"], meta["without"]
    if needs and not any(config.uses(name) and getattr(config, name) for name in needs):
        return f"requires {_or(needs)}; set that too, or omit it"
    if without and getattr(config, without):
        return f"has no effect with --{without}; omit one of them"
    return ""


def _or(names: Sequence[str]) -> str:
    return " or ".join(f"--{name}" for name in names)


def used_by(meta: Mapping[str, Any]) -> str:
    """Describe when a setting has an effect, given its metadata: "dcgan, mlp" for example."""
    parts = [name for choices in meta["only"].values() for name in choices]
    if meta["needs"]:
        parts.append(f"with {_or(meta['needs'])}")
    if meta["without"]:
        parts.append(f"without --{meta['without']}")
    return ", ".join(parts)


def check(field: dataclasses.Field[Any], value: Any) -> None:
    """Check the type and range of a value.

    Raises:
      UserError: naming the flag, and the values expected and received.
    """
    meta = field.metadata
    if value is None and field.default is None:
        return
    kind = meta["type"]
    # JSON may contain an int where a float is expected.
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
        # The comparison with infinity excludes NaN too.
        right = abs(value) < math.inf and low <= value <= high
    if not right:
        raise UserError(f"--{field.name}={value}: expected {expected(meta)}")


def expected(meta: Mapping[str, Any]) -> str:
    """Describe the allowed values of a setting, given its metadata."""
    if meta["choices"]:
        return f"one of {', '.join(meta['choices'])}"
    return ", ".join(filter(None, (_KINDS[meta["type"]], range_text(meta))))


def range_text(meta: Mapping[str, Any]) -> str:
    """Describe the range of a setting, given its metadata; empty if it has none."""
    low, high = meta["low"], meta["high"]
    if low is None and high is None:
        return ""
    if high is None:
        return f"at least {number(low)}"
    return f"{number(low)} to {number(high)}"
