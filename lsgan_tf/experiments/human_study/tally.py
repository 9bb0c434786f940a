"""Counts the votes of a study."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lsgan_tf.errors import UserError
from lsgan_tf.experiments.human_study.study import FORMAT
from lsgan_tf.util.files import read_json
from lsgan_tf.util.forms import check_form
from lsgan_tf.util.text import printable

_Z = 1.959963984540054  # the standard normal distribution's 97.5% quantile
_PAPER = "The paper: 4,000 votes, 56.4% for LSGAN and 43.6% for DCGAN."


class Tally(NamedTuple):
    """Votes for each of the two generators.

    Attributes:
      names: what they are.
      counts: votes for each.
      voters: how many people voted.
      interval: 95% confidence interval of the first one's share (Wilson's).
    """

    names: tuple[str, str]
    counts: tuple[int, int]
    voters: int
    interval: tuple[float, float]

    @property
    def share(self) -> float:
        """The first one's share of the votes."""
        return self.counts[0] / sum(self.counts)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**self._asdict(), "share": self.share}

    def text(self) -> str:
        """For people, with the paper's own count."""
        low, high = self.interval
        first, second = map(printable, self.names)
        return (
            f"{sum(self.counts):,} votes of {self.voters} voters\n"
            f"{first}: {self.counts[0]:,} ({self.share:.1%}; 95% interval {low:.1%} to "
            f"{high:.1%})\n"
            f"{second}: {self.counts[1]:,} ({1 - self.share:.1%})\n"
            f"{_verdict((first, second), low, high)}\n{_PAPER}"
        )


def tally(key: Path, votes: Sequence[Path]) -> Tally:
    """Counts the votes in exported files.

    Args:
      key: the study's key.
      votes: files that the page exported, one of each voter.

    Raises:
      UserError: if a file is not of this study, is damaged, or is of a voter counted before;
        or if there is no vote at all.
    """
    study = _read(key, {"study": str, "names": [str], "left": [str]})
    _check_key(key, study)
    counts = {"a": 0, "b": 0}
    seen: dict[str, Path] = {}
    for path in votes:
        found = _read(path, {"study": str, "voter": str, "votes": [str]})
        if found["study"] != study["study"]:
            raise UserError(
                f"{path}: these votes are of another study ({_short(found['study'])}, and {key} is "
                f"of {_short(study['study'])}); give the key they belong to"
            )
        if found["voter"] in seen:
            raise UserError(
                f"{path}: this voter's votes are in {seen[found['voter']]} too; give the later one"
            )
        seen[found["voter"]] = path
        for side, left in zip(
            _checked(path, found["votes"], study["left"]), study["left"], strict=False
        ):
            counts[left if side == "left" else "ab".replace(left, "")] += 1
    total = counts["a"] + counts["b"]
    if not total:
        raise UserError("no votes: the pages were saved before the first pair was voted on")
    interval = wilson(counts["a"], total)
    return Tally(tuple(study["names"]), (counts["a"], counts["b"]), len(seen), interval)


def wilson(count: int, total: int, z: float = _Z) -> tuple[float, float]:
    """Wilson's score interval of a share.

    Args:
      count: how many of them, 0 to `total`.
      total: how many there are, at least 1.
      z: quantile of the standard normal distribution; the default gives 95%.
    """
    share = count / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    half = spread / (1 + z * z / total)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _verdict(names: tuple[str, str], low: float, high: float) -> str:
    if low > 0.5:
        return f"{names[0]} is preferred: half lies below the interval."
    if high < 0.5:
        return f"{names[1]} is preferred: half lies above the interval."
    return "No preference is shown: half lies within the interval."


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
            f"{path}: expected the names of two generators and a or b for each pair; give the key "
            "as the study was written with it"
        )


def _checked(path: Path, votes: Sequence[str], left: Sequence[str]) -> Sequence[str]:
    if len(votes) > len(left) or not all(vote in ("left", "right") for vote in votes):
        raise UserError(f"{path}: expected at most {len(left)} votes, each left or right")
    return votes


def _short(identity: str) -> str:
    return identity[:8]
