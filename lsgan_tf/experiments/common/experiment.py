"""What an experiment is: the runs it makes, what is measured of them, what is drawn."""

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

Measures = dict[str, float | None]
"""Figures of a run by name; None where there is none (a step that never came)."""

_Words = tuple[str, ...]  # flags of the training command


class Arm(NamedTuple):
    """One of the settings that an experiment compares.

    Attributes:
      name: short, good as a file's name.
      about: a phrase for tables.
      words: flags of `lsgan_tf.main`, without seed and folder.
    """

    name: str
    about: str
    words: tuple[str, ...]


class Figure(NamedTuple):
    """A picture on the page: its file's name and what it shows."""

    file: str
    caption: str


@dataclasses.dataclass
class Run:
    """One arm with one seed.

    Attributes:
      arm: the setting.
      seed: its seed.
      path: its folder.
      status: "waiting", "running", "finished" or "failed".
      error: the last line of a failed run.
      seconds: wall time over all the times it was started.
      measures: what was measured of it.
    """

    arm: Arm
    seed: int
    path: Path
    status: str = "waiting"
    error: str = ""
    seconds: float = 0.0
    measures: Measures = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """Good as a file's name: `lsgan-011-seed3`."""
        return f"{self.arm.name}-seed{self.seed}"


class Outcome(NamedTuple):
    """What an experiment came to.

    Attributes:
      findings: Markdown: what came out, in words and tables, beside the runs' table.
      figures: the pictures, drawn into the output folder.
      numbers: whatever else `results.json` should hold.
    """

    findings: str
    figures: Sequence[Figure] = ()
    numbers: Mapping[str, Any] = {}


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One of the papers' experiments.

    Attributes:
      name: as `--experiment` has it.
      title: of the page.
      says: Markdown: what the paper says of it.
      seeds: how many the paper had, or what is sensible.
      scales: flags by `--scale`, the first is the default; where they depend on the variant, by
        `--scale` and variant.
      arms: makes the settings that are compared.
      variants: flags by `--variant`, the first is the default.
      conclude: given the finished runs and the output folder, draws the figures and says
        what came out.
      measure: measures one finished run from its folder, without TensorFlow.
      after: commands to run after a run's training, each a module's name and its flags.
      columns: the measures that the page shows, with their headings; all in results.json.
    """

    name: str
    title: str
    says: str
    conclude: Callable[[Sequence[Run], Path], Outcome]
    arms: Callable[[], Sequence[Arm]] = tuple
    seeds: int = 1
    scales: Mapping[str, _Words | Mapping[str, _Words]] = dataclasses.field(
        default_factory=lambda: {"full": ()}
    )
    variants: Mapping[str, tuple[str, ...]] = dataclasses.field(
        default_factory=lambda: {"paper": ()}
    )
    measure: Callable[[Run], Measures] = lambda run: {}
    after: Callable[[Run], Sequence[tuple[str, ...]]] = lambda run: ()
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def chosen(self, scale: str | None, variant: str | None, extra: Sequence[str]) -> list[Arm]:
        """The arms with the flags of a scale and of a variant, and more flags, which win.

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
        words, variation = self.scales[names[0]], self.variants[names[1]]
        if isinstance(words, Mapping):
            words = words[names[1]]
        more = (*words, *variation, *extra)
        return [arm._replace(words=(*arm.words, *more)) for arm in self.arms()]


def config_of(words: Sequence[str]) -> Config:
    """The config that flags of `lsgan_tf.main` describe; flagfiles are read.

    Raises:
      UserError: as the training command would.
    """
    values = flags.FlagValues()
    flagging.define_flags(values)
    argv = ["lsgan_tf.main", *words]
    try:
        rest = values([argv[0], *expanded(words)])
    except flags.Error as error:
        message = " ".join(str(error).split())
        raise UserError(f"{message} (flags after -- are lsgan_tf.main's)") from error
    if len(rest) > 1:
        raise UserError(f"{rest[1]}: expected flags of lsgan_tf.main (--name=value) after --")
    return flagging.from_flags(argv, values)[0]


def spread(values: Sequence[float | None]) -> dict[str, float | int] | None:
    """Mean, standard deviation (n - 1), least and greatest of the values that are there.

    None and NaN are not; the standard deviation of one value is given as 0.
    """
    there = [value for value in values if value is not None and not math.isnan(value)]
    if not there:
        return None
    return {
        "mean": statistics.fmean(there),
        "std": statistics.stdev(there) if len(there) > 1 else 0.0,
        "min": min(there),
        "max": max(there),
        "count": len(there),
    }
