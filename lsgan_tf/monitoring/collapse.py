"""The rule that detects collapse.

A *check* every few hundred steps computes three values: the spread of samples from fixed
noise relative to that of as many reals (about 1 in a healthy run, near 0 if all samples are
alike), the separation of reals from fakes by D (0: none, 1: complete), and the norm of G's
gradient. A check is *bad* if samples are alike or the gradient is unusual:

- *Samples are alike* if their spread is below 0.4 of its reference, or below 0.6 of it
  while D *has won* (separation of 0.8 or more). The reference is the best spread of the
  run (the highest median of three consecutive checks), at most 1.
- A run *has not risen* while its best spread is below 0.5. Training may start slowly, so the
  reference is then 1, and samples that are alike count only if D has won.
- A gradient is *unusual* if it is 10 times above or below the median of the last 50
  healthy checks (at least 10). It counts only if D has won.

The alarm is raised after 3 bad checks in a row, or 5 in a run that has not risen, and
cleared after 3 healthy checks in a row with a spread of at least 0.75 of the reference. It
detects neither missing modes nor poor images; metrics do (`--evaluate_every`).
"""

from __future__ import annotations

import dataclasses
import enum
import statistics
from typing import Any

import numpy as np

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
    """Values of one check.

    Attributes:
      step: steps trained.
      spread: spread of samples relative to that of reals, at least 0.
      separation: separation of reals from fakes by D, see the function `separation`.
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
    """State of the alarm; `dataclasses.asdict` returns it as JSON values.

    Attributes:
      best: highest median of three consecutive spreads.
      spreads: up to 3 last spreads, oldest first.
      gradients: gradient norms of up to 50 last healthy checks, oldest first.
      bad: number of consecutive bad checks.
      healthy: number of consecutive healthy checks while collapsed.
      sound_step: step of the last healthy check; 0 if there is none.
      bad_step: step of the first of the current bad checks.
      since: step since which the run is considered collapsed; None if it is not.
      why: reasons for the alarm.
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
        """Apply the rule to a check; return the change of the alarm, if any."""
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
        """Whether the best spread has reached 0.5."""
        return self.best >= _RISEN

    @property
    def reference(self) -> float:
        """Reference for the spread of samples."""
        return min(self.best, 1.0) if self.risen else 1.0

    def summary(self) -> dict[str, Any]:
        """Return the section of `summary.json`."""
        return {
            "collapsed": self.since is not None,
            "since_step": self.since,
            "why": self.why if self.since is not None else None,
            "best_spread": round(self.best, 4),
            "last_sound_step": self.sound_step,
        }

    def _reasons(self, check: Check) -> list[str]:
        """Return why a check is bad; empty if it is healthy."""
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
            reasons.append(f"D separates reals from fakes ({check.separation:.2f} of 1)")
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
    """Return how well D separates reals from fakes.

    Args:
      real: mean score of reals; its sigmoid for cross entropy.
      fake: mean score of fakes; its sigmoid for cross entropy.
      low: D's target for fakes.
      high: D's target for reals, different from `low`.

    Returns:
      1 if both scores are at their targets, 0 if they are equal, below 0 if they are reversed.
    """
    return (real - fake) / (high - low)


def spread(examples: np.ndarray, groups: np.ndarray | None = None) -> float:
    """Return the mean distance between examples of the same group.

    Args:
      examples: float, `(n, ...)`; images with values in [0, 1], or points.
      groups: group of each example, int, `(n,)`; None for a single group.

    Returns:
      Root mean squared difference, averaged over all pairs within groups; 0 if there are no
      pairs or a value is not finite.
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
