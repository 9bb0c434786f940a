"""Tables of settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from lsgan_tf.settings.defaults import default_of
from lsgan_tf.settings.field import fields_of
from lsgan_tf.util.text import columns, number


class SettingRow(NamedTuple):
    """A setting, formatted."""

    group: str
    name: str
    value: str
    origin: str


def setting_rows(config: Any, origins: Mapping[str, str]) -> list[SettingRow]:
    """Return all settings of a `Config` by group: name, value, origin of the value."""
    return [
        SettingRow(
            field.metadata["group"],
            field.name,
            value_text(getattr(config, field.name), field),
            origins.get(field.name, ""),
        )
        for field in fields_of(config)
    ]


def describe(config: Any, origins: Mapping[str, str]) -> str:
    """Return `setting_rows` as a plain-text table."""
    lines = []
    group = None
    for row in setting_rows(config, origins):
        if row.group != group:
            group = row.group
            lines.append(group)
        lines.append(f"  {row.name:<26}{row.value:<28}  {row.origin}".rstrip())
    return "\n".join(lines)


def changed(config: Any) -> list[str]:
    """List the settings, except the run folder, that differ from the dataset's defaults."""
    return [
        field.name
        for field in fields_of(config)
        if field.name != "run_dir"
        and getattr(config, field.name) != default_of(config.dataset, field)
    ]


def describe_changed(config: Any, origins: Mapping[str, str]) -> str:
    """Format the dataset and the `changed` settings as a plain-text table."""
    shown = {"dataset", *changed(config)}
    rows = [row[1:] for row in setting_rows(config, origins) if row.name in shown]
    if shown == {"dataset"}:
        return f"settings: the defaults for {config.dataset}, all listed in config.json"
    return "\n".join(
        [
            f"settings other than the defaults for {config.dataset} (all are in config.json):",
            *columns(rows, indent="  "),
        ]
    )


def value_text(value: Any, field: dataclasses.Field[Any]) -> str:
    """Format a value for people."""
    if value is None:
        return field.metadata["unset"]
    if isinstance(value, bool):
        return str(value).lower()
    longest = field.metadata["longest"]
    if longest and len(value) > longest:
        return f"{value[:longest]}... ({len(value):,})"
    return number(value) if isinstance(value, int | float) else str(value)
