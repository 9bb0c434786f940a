"""Definitions of experiments: arms, runs, metrics and conclusions."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from absl import flags

from lsgan_tf.cli import flags as flagging
from lsgan_tf.cli.flag_files import expanded
from lsgan_tf.config import Config
from lsgan_tf.errors import UserError

Metrics = dict[str, float | None]
"""Metrics of a run by name; None if undefined (a step that was never reached)."""

_Flags = tuple[str, ...]  # flags of the training command


class Arm(NamedTuple):
    """One of the settings compared by an experiment.

    Attributes:
      name: short name, valid as a file name.
      about: description, for tables.
      flags: flags of `lsgan_tf.main`, without seed and folder.
    """

    name: str
    about: str
    flags: tuple[str, ...]


class Figure(NamedTuple):
    """An image on the page.

    Attributes:
      file: name of its file.
      caption: its caption.
    """

    file: str
    caption: str


@dataclasses.dataclass
class Run:
    """A training run of an arm with a seed.

    Attributes:
      arm: the arm.
      seed: the seed.
      path: the run folder.
      status: "waiting", "running", "finished" or "failed".
      error: the last line of output of a failed run.
      seconds: total wall time.
      metrics: metrics of a finished run.
    """

    arm: Arm
    seed: int
    path: Path
    status: str = "waiting"
    error: str = ""
    seconds: float = 0.0
    metrics: Metrics = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name, valid as a file name: `lsgan-011-seed3`."""
        return f"{self.arm.name}-seed{self.seed}"


class Conclusion(NamedTuple):
    """Results of an experiment.

    Attributes:
      findings: text and tables, in Markdown.
      figures: images in the output folder.
      numbers: additional values for `results.json`.
    """

    findings: str
    figures: Sequence[Figure] = ()
    numbers: Mapping[str, Any] = {}


@dataclasses.dataclass(frozen=True)
class Experiment:
    """An experiment of the papers.

    Attributes:
      name: name for `--experiment`.
      title: title of the page.
      claims: the paper's claims, in Markdown.
      conclude: draws the figures and summarises the results, given the runs and the output
        folder.
      arms: makes the arms.
      seeds: default number of seeds, the paper's where known.
      scales: flags by `--scale`, the first being the default; optionally by variant as well.
      variants: flags by `--variant`, the first being the default.
      measure: computes the metrics of a finished run from its folder, without TensorFlow.
      after: commands to run after training, each a module's name and its flags.
      columns: metrics in the page's tables, with their headings.
    """

    name: str
    title: str
    claims: str
    conclude: Callable[[Sequence[Run], Path], Conclusion]
    arms: Callable[[], Sequence[Arm]] = tuple
    seeds: int = 1
    scales: Mapping[str, _Flags | Mapping[str, _Flags]] = dataclasses.field(
        default_factory=lambda: {"full": ()}
    )
    variants: Mapping[str, _Flags] = dataclasses.field(default_factory=lambda: {"paper": ()})
    measure: Callable[[Run], Metrics] = lambda run: {}
    after: Callable[[Run], Sequence[tuple[str, ...]]] = lambda run: ()
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def chosen(self, scale: str | None, variant: str | None, extra: Sequence[str]) -> list[Arm]:
        """Make the arms with the flags of a scale and a variant, overridden by extra flags.

        Raises:
          UserError: if there is no such scale or variant.
        """
        names = []
        for flag, choices, given in (
            ("scale", self.scales, scale),
            ("variant", self.variants, variant),
        ):
            name = given or next(iter(choices))
            if name not in choices:
                raise UserError(
                    f"--{flag}={name}: the experiment {self.name} has {', '.join(choices)}"
                )
            names.append(name)
        scaling, variation = self.scales[names[0]], self.variants[names[1]]
        if isinstance(scaling, Mapping):
            scaling = scaling[names[1]]
        more = (*scaling, *variation, *extra)
        return [arm._replace(flags=(*arm.flags, *more)) for arm in self.arms()]


def config_of(arguments: Sequence[str]) -> Config:
    """Parse flags of `lsgan_tf.main`, including flag files, into a config.

    Raises:
      UserError: if they are invalid.
    """
    values = flags.FlagValues()
    flagging.define_flags(values)
    argv = ["lsgan_tf.main", *arguments]
    try:
        rest = values([argv[0], *expanded(arguments)])
    except flags.Error as error:
        message = " ".join(str(error).split())
        raise UserError(f"{message} (flags after -- are lsgan_tf.main's)") from error
    if len(rest) > 1:
        raise UserError(f"{rest[1]}: expected flags of lsgan_tf.main (--name=value) after --")
    return flagging.from_flags(argv, values)[0]


def statistics_of(values: Sequence[float | None]) -> dict[str, float | int] | None:
    """Compute mean, standard deviation (n - 1), minimum and maximum, ignoring None and NaN.

    The standard deviation of a single value is 0.
    """
    valid = [value for value in values if value is not None and not math.isnan(value)]
    if not valid:
        return None
    return {
        "mean": statistics.fmean(valid),
        "std": statistics.stdev(valid) if len(valid) > 1 else 0.0,
        "min": min(valid),
        "max": max(valid),
        "count": len(valid),
    }
