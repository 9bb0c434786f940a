"""Flags made from the fields of `Config`, and configs made from flags."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from absl import flags

from lsgan_tf.cli import flag_files
from lsgan_tf.cli.presets import preset_file, preset_names
from lsgan_tf.config import Config, resolve, settings
from lsgan_tf.errors import UserError
from lsgan_tf.metrics.registry import check_evaluation
from lsgan_tf.settings.checks import check_coding
from lsgan_tf.settings.defaults import DATASETS, PAPER
from lsgan_tf.settings.field import expected, range_text, used_by
from lsgan_tf.settings.table import value_text
from lsgan_tf.util.paths import local

_PRESET = "preset"
# Both say which classes to keep: a given one overrides either in a preset.
_ALTERNATIVE = {"characters": "max_classes", "max_classes": "characters"}


def define_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Define one absl flag per setting, with default None, and `--preset`."""
    flags.DEFINE_flag(_preset_flag(), flag_values, "presets")
    for field in settings():
        # The group replaces the module name, by which --help groups flags.
        flags.DEFINE_flag(_flag(field), flag_values, field.metadata["group"])


def from_flags(
    argv: list[str], flag_values: flags.FlagValues = flags.FLAGS
) -> tuple[Config, dict[str, str]]:
    """Make a config from parsed flags.

    Args:
      argv: the command line, from which the origins of settings are determined.
      flag_values: the parsed flags.

    Returns:
      Config and origins, as `resolve`.

    Raises:
      UserError: if a value is out of range, two values contradict each other, or a preset does
        not exist.
    """
    given, origins = _values(flag_values), _origins(argv, flag_values)
    # The command line and flag files override presets in any position, and later presets
    # override earlier ones.
    for name in reversed(flag_values[_PRESET].value or ()):
        for setting, value in _of_preset(name).items():
            if setting not in given and _ALTERNATIVE.get(setting) not in given:
                given[setting], origins[setting] = value, f"preset {name}"
    config, origins = resolve(given, origins)
    check_evaluation(config.metrics, config.best_metric, config.inception)
    if not (config.run_dir and (local(config.run_dir) / "config.json").is_file()):
        check_coding(config, origins)
    return config, origins


def _values(flag_values: flags.FlagValues) -> dict[str, Any]:
    """Return the settings that have a value."""
    values = {field.name: flag_values[field.name].value for field in settings()}
    return {name: value for name, value in values.items() if value is not None}


def _of_preset(name: str) -> dict[str, Any]:
    """Return the settings of a preset."""
    flag_values = flags.FlagValues()
    define_flags(flag_values)
    with preset_file(name) as path:
        flag_values([name, *flag_files.lines(str(path))])
    return _values(flag_values)


class _Path(flags.ArgumentParser):
    """Parser of a local path that expands `~` and returns None for an empty value."""

    def parse(self, argument: str | Path) -> Path | None:
        try:
            return local(argument) if str(argument) else None
        except UserError as error:
            raise ValueError(str(error).removeprefix(f"{argument}: ")) from None


PATH = _Path()
"""Parser of flags for files and folders: `flags.DEFINE(PATH, NAME, ...)`."""


def generator_named_by(
    run_dir: flags.FlagHolder[Path | None],
    saved_model: flags.FlagHolder[Path | None],
    pretrained: flags.FlagHolder[bool | None],
) -> str | None:
    """Return the name of the flag that names a generator; None for the default generator.

    Raises:
      UserError: if several are given, or none and `--nopretrained`.
    """
    named = [flag.name for flag in (run_dir, saved_model, pretrained) if flag.value]
    if len(named) > 1:
        raise UserError(f"--{named[0]} and --{named[1]}: both name a generator; give one of them")
    if not named and pretrained.value is False:
        raise UserError("--nopretrained: expected --run_dir=FOLDER of a run, or --saved_model")
    return named[0] if named else None


class _Number(flags.ArgumentParser):
    """Parser of a number; `Config` checks the range."""

    def __init__(self, kind: Callable[[str], float], what: str) -> None:
        self._kind, self._what = kind, what

    def parse(self, argument: str) -> float:
        try:
            return self._kind(argument)
        except ValueError:
            raise ValueError(f"expected {self._what}") from None


def _preset_flag() -> flags.Flag[Any]:
    text = (
        "settings that come with the package; other flags override them, and a later preset "
        f"overrides an earlier one; one of {', '.join(preset_names())}"
    )
    return flags.MultiFlag(flags.ArgumentParser(), flags.ArgumentSerializer(), _PRESET, None, text)


def _flag(field: dataclasses.Field[Any]) -> flags.Flag[Any]:
    meta = field.metadata
    if meta["type"] is bool:
        return flags.BooleanFlag(field.name, None, _help(field))
    if meta["choices"]:
        return flags.EnumFlag(field.name, None, _help(field), list(meta["choices"]))
    parser: flags.ArgumentParser[Any] = flags.ArgumentParser()
    if meta["type"] is not str:
        parser = _Number(meta["type"], expected(meta))
    return flags.Flag(parser, flags.ArgumentSerializer(), field.name, None, _help(field))


def _help(field: dataclasses.Field[Any]) -> str:
    meta = field.metadata
    what = ": ".join(filter(None, (used_by(meta), meta["help"])))
    measure = ", ".join(filter(None, (meta["unit"], range_text(meta))))
    return f"{what}{f' [{measure}]' if measure else ''} (default: {_default(field)})"


def _default(field: dataclasses.Field[Any]) -> str:
    """Describe the default of a setting, by dataset if it depends on that."""
    general = value_text(field.default, field)
    datasets: dict[str, list[str]] = {}
    for name, values in PAPER.items():
        if field.name in values:
            datasets.setdefault(value_text(values[field.name], field), []).append(name)
    parts = [f"{value} for {', '.join(names)}" for value, names in datasets.items()]
    if sum(map(len, datasets.values())) < len(DATASETS):
        parts.append(f"else {general}" if parts else general)
    return "; ".join(parts)


def _origins(argv: list[str], flag_values: flags.FlagValues) -> dict[str, str]:
    """Find where each flag was set last: on the command line or in a flag file."""
    origins = {}
    words = iter(argv[1:])
    for word in words:
        if word == "--":
            break
        if not word.startswith("-"):
            continue
        name, given, value = _name(word, flag_values), "=" in word, word.partition("=")[2]
        if name == "flagfile":
            path = value if given else next(words, "")
            for line in flag_files.lines(path):
                origins[_name(line, flag_values)] = f"flagfile {path}"
            continue
        origins[name] = "command line"
        if not given and name in flag_values and not flag_values[name].boolean:
            next(words, "")  # the flag's value, which may begin with a minus
    return origins


def _name(word: str, flag_values: flags.FlagValues) -> str:
    """Return the name of a flag: `crop` for `--crop`, `--crop=true` and `--nocrop`."""
    name = word.lstrip("-").partition("=")[0]
    if name not in flag_values and name.startswith("no") and name[2:] in flag_values:
        return name[2:]
    return name
