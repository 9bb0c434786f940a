"""Counting the votes of a human study."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lsgan_tf.errors import UserError
from lsgan_tf.experiments.human_study.study import FORMAT
from lsgan_tf.util.forms import check_form
from lsgan_tf.util.reading import read_json
from lsgan_tf.util.text import counted, printable

_Z = 1.959963984540054  # the standard normal distribution's 97.5% quantile
_PAPER = "The paper: 4,000 votes, 56.4% for LSGAN and 43.6% for DCGAN."


class Tally(NamedTuple):
    """Votes for two generators.

    Attributes:
      names: names of the generators.
      counts: votes for each.
      voters: number of voters.
      interval: Wilson's 95% confidence interval of the first one's fraction.
    """

    names: tuple[str, str]
    counts: tuple[int, int]
    voters: int
    interval: tuple[float, float]

    @property
    def fraction(self) -> float:
        """The first one's fraction of the votes."""
        return self.counts[0] / sum(self.counts)

    def to_json(self) -> dict[str, Any]:
        """Return the tally as plain values."""
        return {**self._asdict(), "share": self.fraction}

    def text(self) -> str:
        """Format the tally, with the paper's for comparison."""
        low, high = self.interval
        first, second = map(printable, self.names)
        return (
            f"{counted(sum(self.counts), 'vote')} of {counted(self.voters, 'voter')}\n"
            f"{first}: {self.counts[0]:,} ({self.fraction:.1%}; 95% interval {low:.1%} to "
            f"{high:.1%})\n"
            f"{second}: {self.counts[1]:,} ({1 - self.fraction:.1%})\n"
            f"{_verdict((first, second), low, high)}\n{_PAPER}"
        )


def tally(key: Path, votes: Sequence[Path]) -> Tally:
    """Count the votes in exported files.

    Args:
      key: the study's key.
      votes: files exported from the page, one per voter.

    Raises:
      UserError: if a file is damaged, of another study, or of a repeated voter, or if there
        are no votes.
    """
    study = _read(key, {"study": str, "names": [str], "left": [str]})
    _check_key(key, study)
    counts = {"a": 0, "b": 0}
    seen: dict[str, Path] = {}
    for path in votes:
        found = _read(path, {"study": str, "voter": str, "votes": [str]})
        if found["study"] != study["study"]:
            raise UserError(
                f"{path}: these votes are of another study ({_short(found['study'])}; {key} is of "
                f"{_short(study['study'])}); give the matching key"
            )
        if found["voter"] in seen:
            raise UserError(
                f"{path}: this voter's votes are in {seen[found['voter']]} too; use the later file"
            )
        seen[found["voter"]] = path
        for side, left in zip(
            _checked(path, found["votes"], study["left"]), study["left"], strict=False
        ):
            counts[left if side == "left" else "ab".replace(left, "")] += 1
    total = counts["a"] + counts["b"]
    if not total:
        raise UserError("no votes: the files were exported before the first vote")
    interval = wilson(counts["a"], total)
    return Tally(tuple(study["names"]), (counts["a"], counts["b"]), len(seen), interval)


def wilson(count: int, total: int, z: float = _Z) -> tuple[float, float]:
    """Return Wilson's score interval of a proportion.

    Args:
      count: number of successes, 0 to `total`.
      total: number of trials, at least 1.
      z: quantile of the standard normal distribution; the default gives 95%.
    """
    p = count / total
    scale = 1 + z * z / total
    middle = (p + z * z / (2 * total)) / scale
    half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total)) / scale
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _verdict(names: tuple[str, str], low: float, high: float) -> str:
    if low > 0.5:
        return f"{names[0]} is preferred: 50% is below the interval."
    if high < 0.5:
        return f"{names[1]} is preferred: 50% is above the interval."
    return "No significant preference: 50% is within the interval."


def _read(path: Path, form: dict[str, Any]) -> dict[str, Any]:
    found = read_json(path)
    try:
        check_form(found, form)
    except ValueError as error:
        raise UserError(
            f"{path}: expected a JSON file with {', '.join(form)} of a human study ({error})"
        ) from error
    if found.get("format") != FORMAT:
        raise UserError(
            f"{path}: written in format {found.get('format')}, this version reads {FORMAT}"
        )
    return found


def _check_key(path: Path, study: dict[str, Any]) -> None:
    names, left = study["names"], study["left"]
    if len(names) != 2 or not all(side in ("a", "b") for side in left):
        raise UserError(
            f"{path}: expected the names of two generators and a or b for each pair; give the "
            "original key of the study"
        )


def _checked(path: Path, votes: Sequence[str], left: Sequence[str]) -> Sequence[str]:
    if len(votes) > len(left) or not all(vote in ("left", "right") for vote in votes):
        raise UserError(f"{path}: expected at most {len(left)} votes, each left or right")
    return votes


def _short(identity: str) -> str:
    return identity[:8]
