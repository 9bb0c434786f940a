"""How far all runs of an experiment are, while they are made."""

from __future__ import annotations

import functools
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from lsgan_tf.clock import spell
from lsgan_tf.experiments.common.experiment import Run, config_of

_SECONDS_BETWEEN_LINES = 30.0
_SECONDS_ON_TERMINAL = 1.0


class Board:
    """Shows progress and the time left over all runs, on standard error.

    Args:
      runs: all of them; their status changes while they are made.
      stream: where to write; standard error by default.
    """

    def __init__(self, runs: Sequence[Run], stream: TextIO | None = None) -> None:
        self._runs, self._stream = runs, stream or sys.stderr
        self._live = self._stream.isatty()
        self._start = time.monotonic()
        self._first = sum(self._done(run) for run in runs)
        self._shown = self._start

    def show(self) -> None:
        """Shows a line if the last one is some time ago."""
        pause = _SECONDS_ON_TERMINAL if self._live else _SECONDS_BETWEEN_LINES
        if time.monotonic() - self._shown >= pause:
            self._shown = time.monotonic()
            start, end = ("\r\x1b[K", "") if self._live else ("", "\n")
            print(f"{start}{self.line()}", end=end, file=self._stream, flush=True)

    def close(self) -> None:
        """Shows how it ended."""
        start = "\r\x1b[K" if self._live else ""
        print(f"{start}{self.line()}", file=self._stream, flush=True)

    def line(self) -> str:
        """`runs: 3 of 30 finished, 2 running; step 101,000 of 1,200,000 (8%), ETA 01:02:03`."""
        count = Counter(run.status for run in self._runs)
        parts = [f"runs: {count['finished']} of {len(self._runs)} finished"]
        parts += [f"{count[key]} {key}" for key in ("running", "failed") if count[key]]
        total = sum(_steps(run.arm.words) for run in self._runs if run.status != "failed")
        done = sum(self._done(run) for run in self._runs if run.status != "failed")
        share = done / total if total else 1.0
        made = done - self._first
        left = "-"
        if made > 0:
            left = spell((total - done) * (time.monotonic() - self._start) / made)
        return f"{', '.join(parts)}; step {done:,} of {total:,} ({share:.0%}), ETA {left}"

    def _done(self, run: Run) -> int:
        if run.status == "finished":
            return _steps(run.arm.words)
        return _last_step(run.path)


@functools.lru_cache(maxsize=256)
def _steps(words: tuple[str, ...]) -> int:
    return config_of(words).steps


def _last_step(path: Path) -> int:
    """The last step that a run has logged; 0 before the first."""
    try:
        with open(path / "timing.jsonl", "rb") as stream:
            stream.seek(max(stream.seek(0, 2) - 512, 0))
            return int(json.loads(stream.read().splitlines()[-1])["step"])
    except (OSError, ValueError, LookupError, TypeError):
        return 0  # not begun, or a line is being written
