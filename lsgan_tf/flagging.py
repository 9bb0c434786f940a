"""The flags of the binaries, made from the fields of `Config`, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from absl import flags

from lsgan_tf.config import DATASETS, PAPER, Config, range_text, resolve, settings


def define_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines one absl flag per setting, without a value unless the user gives one."""
    for field in settings():
        # The group stands where absl keeps a module's name, so that --help groups by it.
        flags.DEFINE_flag(_flag(field), flag_values, field.metadata["group"])


def from_flags(
    argv: list[str], flag_values: flags.FlagValues = flags.FLAGS
) -> tuple[Config, dict[str, str]]:
    """The config that the parsed flags describe.

    Args:
      argv: the command line as typed, to tell flagfiles from flags.
      flag_values: the parsed flags.

    Returns:
      As `resolve`.
    """
    given = {field.name: flag_values[field.name].value for field in settings()}
    return resolve(given, _origins(argv, flag_values))


def describe(config: Config, origins: Mapping[str, str]) -> str:
    """A table of all settings: name, value, where the value comes from."""
    rows = []
    group = None
    for field in settings():
        if field.metadata["group"] != group:
            group = field.metadata["group"]
            rows.append(f"{group}")
        value = getattr(config, field.name)
        text = "-" if value is None else f"{value:,}" if type(value) is int else str(value)
        rows.append(f"  {field.name:<26}{text:<24}{origins.get(field.name, '')}")
    return "\n".join(rows)


def _flag(field: dataclasses.Field[Any]) -> flags.Flag[Any]:
    meta = field.metadata
    text = f"{meta['help']}{range_text(meta)}; {_default_text(field)}"
    if meta["type"] is bool:
        return flags.BooleanFlag(field.name, None, text)
    if meta["choices"]:
        return flags.EnumFlag(field.name, None, text, list(meta["choices"]))
    parsers = {int: flags.IntegerParser, float: flags.FloatParser, str: flags.ArgumentParser}
    return flags.Flag(parsers[meta["type"]](), flags.ArgumentSerializer(), field.name, None, text)


def _origins(argv: list[str], flag_values: flags.FlagValues) -> dict[str, str]:
    """Where each flag on the command line was set last: there, or in a flagfile."""
    origins = {}
    words = iter(argv[1:])
    for word in words:
        if word.startswith(("--flagfile", "-flagfile")):
            path = word.partition("=")[2] or next(words, "")
            for line in flag_values.read_flags_from_files([f"--flagfile={path}"]):
                origins[_flag_name(line)] = f"flagfile {path}"
        elif word.startswith("-"):
            origins[_flag_name(word)] = "command line"
    for name in list(origins):
        if name.startswith("no") and name not in flag_values:
            origins.setdefault(name[2:], origins[name])
    return origins


def _flag_name(word: str) -> str:
    return word.lstrip("-").partition("=")[0]


def _default_text(field: dataclasses.Field[Any]) -> str:
    by_dataset = {
        name: values[field.name] for name, values in PAPER.items() if field.name in values
    }
    rest = "none" if field.default is None else f"{field.default}"
    if not by_dataset:
        return f"default {rest}" if "default:" not in field.metadata["help"] else "optional"
    text = ", ".join(f"{value} for {name}" for name, value in by_dataset.items())
    return f"default {text}" + (f", else {rest}" if len(by_dataset) < len(DATASETS) else "")
