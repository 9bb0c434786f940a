"""Detection of collapse: the rule.

A *check* every few hundred steps computes three cheap numbers: the spread of samples from
fixed noise relative to that of as many reals (about 1 in a healthy run, near 0 if all
samples are alike), how well D separates reals from fakes (0 not at all, 1 entirely), and
the norm of G's gradient. The rule:

- *Samples are alike* if their spread is below 0.4 of its reference, or below 0.6 of it
  while D *has won* (separation of 0.8 or more). The reference is the best spread of the
  run (the highest median of three consecutive checks), at most 1.
- A run that has never reached a spread of 0.5 has not risen yet. A start may be slow, so
  this counts against the run only if D has won, and the reference is 1.
- A gradient is *unusual* if it is 10 times above or below the median of the last 50
  healthy checks (at least 10). It counts only if D has won as well.
- The alarm is raised after 3 such checks in a row, or 5 in a run that has not risen, and
  cleared after 3 healthy checks in a row with a spread of 0.75 of the reference or more.

The rule detects that samples have become alike. It detects neither missing modes nor poor
images; metrics do (`--evaluate_every`).
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
    """A change of the alarm."""

    COLLAPSED = "collapsed"
    RECOVERED = "recovered"


@dataclasses.dataclass(frozen=True)
class Check:
    """The numbers of one check.

    Attributes:
      step: steps trained.
      spread: spread of samples relative to that of reals, at least 0.
      separation: of D's scores, see `separation`.
      gradient: mean norm of G's gradient since the last check; None if no step was finite.
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
"""Form of an `Alarm` in JSON."""


@dataclasses.dataclass
class Alarm:
    """The rule and its state: JSON values by `dataclasses.asdict`.

    Attributes:
      best: highest median of three spreads in a row.
      spreads: the last spreads, oldest first.
      gradients: norms of the last healthy checks, oldest first.
      bad: number of consecutive bad checks.
      healthy: number of consecutive healthy checks while collapsed.
      sound_step: step of the last healthy check; 0 if there is none.
      bad_step: step of the first of the current bad checks.
      since: step since which the run is considered collapsed, or None.
      why: reasons of the alarm.
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

    def update(self, check: Check) -> Event | None:
        """Applies the rule to a check; returns the change of the alarm, if any."""
        reasons = self._reasons(check)
        self._remember(check, sound=not reasons and self.since is None)
        if self.since is not None:
            return self._maybe_recovered(check, reasons)
        if not reasons:
            self.bad, self.sound_step = 0, check.step
            return None
        self.bad += 1
        if self.bad == 1:
            self.bad_step = check.step
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
        """The spread that samples are compared with."""
        return min(self.best, 1.0) if self.risen else 1.0

    def summary(self) -> dict[str, Any]:
        """Returns the entry of `summary.json`."""
        return {
            "collapsed": self.since is not None,
            "since_step": self.since,
            "why": self.why if self.since is not None else None,
            "best_spread": round(self.best, 4),
            "last_sound_step": self.sound_step,
        }

    def _reasons(self, check: Check) -> list[str]:
        """Returns the reasons for which a check is bad; empty if it is healthy."""
        won = check.separation >= _WON
        limit = (_ALIKE_AND_LOST if won else _ALIKE) * self.reference
        alike = check.spread < limit and (self.risen or won)
        odd = won and self._unusual(check.gradient)
        reasons = []
        if alike:
            best = f", {self.best:.2f} at best" if self.risen else ", and never were different"
            reasons.append(f"samples are alike (spread {check.spread:.2f} of that of reals{best})")
        if odd:
            usual = statistics.median(self.gradients)
            reasons.append(f"G's gradient is {check.gradient:.3g}, usually {usual:.3g}")
        if reasons and won:
            reasons.append(f"D tells reals from fakes ({check.separation:.2f} of 1)")
        return reasons

    def _unusual(self, gradient: float | None) -> bool:
        if gradient is None or len(self.gradients) < _FEWEST_GRADIENTS:
            return False
        usual = statistics.median(self.gradients)
        return not usual / _ODD <= gradient <= usual * _ODD

    def _remember(self, check: Check, *, sound: bool) -> None:
        self.spreads = [*self.spreads, check.spread][-_MEDIAN_OF:]
        if len(self.spreads) == _MEDIAN_OF:
            self.best = max(self.best, statistics.median(self.spreads))
        if sound and check.gradient is not None:
            self.gradients = [*self.gradients, check.gradient][-_GRADIENTS:]

    def _maybe_recovered(self, check: Check, reasons: list[str]) -> Event | None:
        well = not reasons and check.spread >= _HEALTHY * self.reference
        self.healthy = self.healthy + 1 if well else 0
        if self.healthy < _IN_A_ROW:
            return None
        self.since, self.bad, self.why, self.sound_step = None, 0, "", check.step
        return Event.RECOVERED


def separation(real: float, fake: float, *, low: float, high: float) -> float:
    """Returns how well D separates reals from fakes, from their mean scores.

    Args:
      real: mean score of reals (for cross entropy, the sigmoid of it).
      fake: mean score of fakes, likewise.
      low: D's target for fakes.
      high: D's target for reals; another number.

    Returns:
      1 if both scores are at their targets, 0 if they are equal, below 0 if they are reversed.
    """
    return (real - fake) / (high - low)


def spread(examples: np.ndarray, groups: np.ndarray | None = None) -> float:
    """Returns the mean distance between two examples of one group.

    Args:
      examples: float, `(n, ...)`; images with values in [0, 1], or points.
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
