"""Progress of long operations: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from lsgan_tf.util.text import controls, printable

_SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Context manager that counts work done and shows it on standard error.

    Example:
      with Progress("drawing", total=3755, unit="characters") as progress:
          for character in characters:
              ...
              progress.add(1)

    Args:
      label: the operation, as a gerund.
      total: the total amount in `unit`; None if unknown.
      unit: plural name of the unit; "B" for bytes.
      stream: output stream, by default standard error.
    """

    def __init__(
        self, label: str, total: int | None, unit: str, stream: TextIO | None = None
    ) -> None:
        self._label, self._total, self._unit = printable(label), total, unit
        self._stream = stream or sys.stderr
        self._done = 0
        self._bar = None

    def __enter__(self) -> Progress:
        self._start = self._last = time.monotonic()
        if self._stream.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                desc=self._label,
                total=self._total,
                unit="B" if self._unit == "B" else f" {self._unit}",
                unit_scale=self._unit == "B",
                file=controls(self._stream),
                leave=False,
            )
        return self

    def add(self, amount: int) -> None:
        """Count `amount` more as done."""
        self._done += amount
        if self._bar is not None:
            self._bar.update(amount)
        elif time.monotonic() - self._last > _SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            self._line()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
        if kind is None:
            self._line()

    def _line(self) -> None:
        seconds = time.monotonic() - self._start
        amounts, fraction = self._number(self._done), ""
        if self._total:
            amounts += f" of {self._number(self._total)}"
            fraction = f" ({self._done / self._total:.0%})"
        unit = "MB" if self._unit == "B" else self._unit
        line = f"{self._label}: {amounts} {unit}{fraction}, {seconds:.0f} s"
        print(line, file=self._stream, flush=True)

    def _number(self, value: int) -> str:
        return f"{value / 1e6:,.1f}" if self._unit == "B" else f"{value:,}"
