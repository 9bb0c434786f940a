"""A rule that says when a run has probably collapsed.

A *look* every few hundred steps gives three cheap numbers: the spread of samples on
fixed noise against that of as many reals (about 1 in a healthy run, near 0 where all
samples are alike), how far D tells reals from fakes (0 not at all, 1 entirely), and
the norm of G's gradient. The rule:

- *Samples are alike* where their spread is below 0.4 of its reference, or below 0.6
  of it while D *has won* (0.8 or more). The reference is the best spread that the run
  had (the highest median of three looks in a row), at most 1.
- A run that never reached a spread of 0.5 has not risen yet. A start may be slow, so
  it counts against such a run only if D has won, and the reference is 1.
- A gradient is *odd* where it is 10 times above or below the median of the last 50
  looks that spoke for the run (of at least 10). It counts only if D has won as well.
- The alarm comes after 3 such looks in a row, or 5 in a run that has not risen, and
  goes after 3 looks in a row against which nothing is to be said and whose spread is
  0.75 of the reference or more.

It sees that samples have become alike. It does not see that some modes of many are
missing, nor that pictures are poor; measures are for that (`--evaluate_every`).
"""

from __future__ import annotations

import dataclasses
import enum
import statistics
from typing import Any

import numpy as np

EXIT_COLLAPSED = 5
"""Exit status of a run that `--stop_on_collapse` ended."""

_ALIKE, _ALIKE_AND_LOST = 0.4, 0.6
_RISEN, _WON, _HEALTHY = 0.5, 0.8, 0.75
_ODD, _GRADIENTS, _FEWEST_GRADIENTS = 10.0, 50, 10
_IN_A_ROW, _IN_A_ROW_NOT_RISEN, _MEDIAN_OF = 3, 5, 3


class Event(enum.Enum):
    """What a look changed."""

    COLLAPSED = "collapsed"
    RECOVERED = "recovered"


@dataclasses.dataclass(frozen=True)
class Look:
    """What was seen at a step.

    Attributes:
      step: steps trained.
      spread: of samples over that of reals, at least 0.
      separation: of D's scores, see `separation`.
      gradient: mean norm of G's gradient since the look before; None if no step was sound.
    """

    step: int
    spread: float
    separation: float
    gradient: float | None


ALARM_FORM = {
    "best?": float,
    "spreads?": [float],
    "gradients?": [float],
    "bad?": int,
    "healthy?": int,
    "sound_step?": int,
    "bad_step?": int,
    "since?": (int, None),
    "why?": str,
}
"""An `Alarm` in JSON."""


@dataclasses.dataclass
class Alarm:
    """The rule, and all that it remembers: JSON-able by `dataclasses.asdict`.

    Attributes:
      best: highest median of three spreads in a row.
      spreads: the last of them, oldest first.
      gradients: norms at the last looks that spoke for the run, oldest first.
      bad: looks in a row that speak against the run.
      healthy: looks in a row, while collapsed, that speak for it.
      sound_step: step of the last look before the present bad ones; 0 if there is none.
      bad_step: step of the first of the present bad looks.
      since: step from which the run is held to be collapsed, None if it is not.
      why: what was seen when the alarm came.
    """

    best: float = 0.0
    spreads: list[float] = dataclasses.field(default_factory=list)
    gradients: list[float] = dataclasses.field(default_factory=list)
    bad: int = 0
    healthy: int = 0
    sound_step: int = 0
    bad_step: int = 0
    since: int | None = None
    why: str = ""

    def look(self, look: Look) -> Event | None:
        """Takes a look into account; returns what it changed."""
        reasons = self._reasons(look)
        self._remember(look, sound=not reasons and self.since is None)
        if self.since is not None:
            return self._maybe_recovered(look, reasons)
        if not reasons:
            self.bad, self.sound_step = 0, look.step
            return None
        self.bad += 1
        if self.bad == 1:
            self.bad_step = look.step
        if self.bad < (_IN_A_ROW if self.risen else _IN_A_ROW_NOT_RISEN):
            return None
        self.since, self.why, self.healthy = self.bad_step, "; ".join(reasons), 0
        return Event.COLLAPSED

    @property
    def risen(self) -> bool:
        """Whether the samples ever differed as reals do."""
        return self.best >= _RISEN

    @property
    def reference(self) -> float:
        """The spread that samples are held against."""
        return min(self.best, 1.0) if self.risen else 1.0

    def summary(self) -> dict[str, Any]:
        """What `summary.json` tells: JSON-able."""
        return {
            "collapsed": self.since is not None,
            "since_step": self.since,
            "why": self.why if self.since is not None else None,
            "best_spread": round(self.best, 4),
            "last_sound_step": self.sound_step,
        }

    def _reasons(self, look: Look) -> list[str]:
        """What speaks against the run, in words; nothing if too little does."""
        won = look.separation >= _WON
        limit = (_ALIKE_AND_LOST if won else _ALIKE) * self.reference
        alike = look.spread < limit and (self.risen or won)
        odd = won and self._odd(look.gradient)
        reasons = []
        if alike:
            best = f", {self.best:.2f} at best" if self.risen else ", and never were different"
            reasons.append(f"samples are alike (spread {look.spread:.2f} of that of reals{best})")
        if odd:
            usual = statistics.median(self.gradients)
            reasons.append(f"G's gradient is {look.gradient:.3g}, usually {usual:.3g}")
        if reasons and won:
            reasons.append(f"D tells reals from fakes ({look.separation:.2f} of 1)")
        return reasons

    def _odd(self, gradient: float | None) -> bool:
        if gradient is None or len(self.gradients) < _FEWEST_GRADIENTS:
            return False
        usual = statistics.median(self.gradients)
        return not usual / _ODD <= gradient <= usual * _ODD

    def _remember(self, look: Look, *, sound: bool) -> None:
        self.spreads = [*self.spreads, look.spread][-_MEDIAN_OF:]
        if len(self.spreads) == _MEDIAN_OF:
            self.best = max(self.best, statistics.median(self.spreads))
        if sound and look.gradient is not None:
            self.gradients = [*self.gradients, look.gradient][-_GRADIENTS:]

    def _maybe_recovered(self, look: Look, reasons: list[str]) -> Event | None:
        well = not reasons and look.spread >= _HEALTHY * self.reference
        self.healthy = self.healthy + 1 if well else 0
        if self.healthy < _IN_A_ROW:
            return None
        self.since, self.bad, self.why, self.sound_step = None, 0, "", look.step
        return Event.RECOVERED


def separation(real: float, fake: float, *, low: float, high: float) -> float:
    """How far D tells reals from fakes: mean scores on the way from `low` to `high`.

    Args:
      real: mean score of reals (for cross entropy, the sigmoid of it).
      fake: mean score of fakes, likewise.
      low: what D is to say of fakes.
      high: what D is to say of reals, another number.

    Returns:
      1 if D says what it should, 0 if it says the same of both; below 0 if it errs.
    """
    return (real - fake) / (high - low)


def spread(examples: np.ndarray, groups: np.ndarray | None = None) -> float:
    """Mean distance between two examples of one group.

    Args:
      examples: float, `(n, ...)`; pictures with values in [0, 1], or points.
      groups: int, `(n,)`, the group of each; None is one group for all.

    Returns:
      The mean over all pairs within a group of the root of the mean squared
      difference; 0 if there are no pairs or a value is not finite.
    """
    rows = np.asarray(examples, np.float64).reshape(len(examples), -1)
    if not np.isfinite(rows).all():
        return 0.0
    groups = np.zeros(len(rows), np.int64) if groups is None else np.asarray(groups)
    total, pairs = 0.0, 0
    for group in np.unique(groups):
        members = rows[groups == group]
        for number, row in enumerate(members[1:], 1):
            distances = np.sqrt(np.mean((members[:number] - row) ** 2, axis=1))
            total, pairs = total + float(distances.sum()), pairs + number
    return total / pairs if pairs else 0.0
