"""Parsing and schema checks of untrusted JSON."""

from __future__ import annotations

import collections
import dataclasses
import json
import math
from typing import Any

DEEPEST = 32
"""Maximum levels of nesting; files of this package have at most eight."""

_LARGEST = 1 << 63
_WORDS = {
    int: "a whole number, 0 or more",
    float: "a number",
    str: "text",
    bool: "true or false",
    dict: "an object",
    list: "a list",
    None: "null",
}


def parse_json(text: str | bytes) -> Any:
    """Parse JSON that is nested at most `DEEPEST` levels deep.

    Raises:
      ValueError: if it is not JSON, nested deeper, or an object has a name twice.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return value
    raise ValueError("nested too deeply")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = collections.Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"{twice[:100]!r} is there more than once")
    return found


def fields_of(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    """Select the values that are fields of a dataclass; newer versions may write more."""
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in values.items() if name in names}


def check_form(value: Any, form: Any, where: str = "") -> None:
    """Check a value against a schema.

    Args:
      value: the result of `parse_json`.
      form: the schema: `int` (0 or more, 64 bits), `float` (any finite number), `str`, `bool`,
        `dict`, `list` or None for a value of that type; a tuple of schemas for any of them;
        `[form]` for a list of such values; `{str: form}` for an object of such values;
        `{"name": form, "other?": form}` for an object with these fields, optional if they end
        in "?", and any others.
      where: the value's place, for the message.

    Raises:
      ValueError: naming the place, the expected type and the value found.
    """
    if isinstance(form, tuple):
        for one in form:
            try:
                return check_form(value, one, where)
            except ValueError as error:
                reason = error
        raise reason
    if isinstance(form, list):
        check_form(value, list, where)
        for number, item in enumerate(value):
            check_form(item, form[0], f"{where}[{number}]")
    elif isinstance(form, dict):
        check_form(value, dict, where)
        if str in form:
            form = dict.fromkeys(value, form[str])
        for name, inner in form.items():
            optional, name = name.endswith("?"), name.removesuffix("?")
            if name in value:
                check_form(value[name], inner, f"{where}.{name}" if where else name)
            elif not optional:
                raise ValueError(f"{where}{' has ' if where else ''}no {name}")
    elif not _is_a(value, form):
        found = "null" if value is None else type(value).__name__
        if isinstance(value, int | float):
            found = f"{value:.6g}" if abs(value) < _LARGEST else "a number out of range"
        raise ValueError(f"{where}{': ' if where else ''}expected {_WORDS[form]}, found {found}")
    return None


def _is_a(value: Any, kind: type | None) -> bool:
    if kind is float:
        return type(value) in (int, float) and abs(value) < math.inf
    if kind is int:
        return type(value) is int and 0 <= value < _LARGEST
    return value is None if kind is None else isinstance(value, kind)
