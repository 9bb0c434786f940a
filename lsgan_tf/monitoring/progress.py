"""Progress lines, progress bar and training time."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

from tqdm import tqdm

from lsgan_tf.config import Config
from lsgan_tf.util.terminal import is_terminal
from lsgan_tf.util.text import controls, counted, spell

CURVES = {
    "d_loss": "loss/discriminator",
    "g_loss": "loss/generator",
    "score_real": "score/real",
    "score_fake": "score/fake",
    "d_gradient_norm": "gradient/discriminator",
    "g_gradient_norm": "gradient/generator",
    "gradient_penalty": "loss/gradient penalty",
}
"""TensorBoard tag of each metric; tags are grouped by the part before the slash."""


def progress_line(step: int, config: Config, means: Mapping[str, float | None], rate: float) -> str:
    """Return a progress line: step, speed, time left, losses and scores.

    Args:
      step: steps trained.
      config: config of the run.
      means: mean of each metric since the last line; None if no step was finite.
      rate: steps per second; 0 if unknown.
    """
    speed = f"{rate * config.batch_size:,.0f} images/s" if rate else "- images/s"
    if None in means.values():
        return f"step {step:,} of {config.steps:,}  all steps since the last line were skipped"
    left = spell((config.steps - step) / rate) if rate else "-"
    penalty = ""
    if "gradient_penalty" in means:
        penalty = f"  penalty {means['gradient_penalty']:.4f}"
    return (
        f"step {step:,} of {config.steps:,} ({step / config.steps:.1%})  {speed}  ETA {left}  "
        f"D {means['d_loss']:.4f}  G {means['g_loss']:.4f}  "
        f"D(real) {means['score_real']:+.3f}  D(fake) {means['score_fake']:+.3f}{penalty}"
    )


def live_bar(start: int, steps: int) -> tqdm:
    """Return a progress bar from `start` to `steps`, disabled unless on a terminal."""
    return tqdm(
        total=steps,
        initial=start,
        unit=" steps",
        disable=not is_terminal(),
        file=controls(sys.stderr),
        dynamic_ncols=True,
        leave=False,
    )


def under_way_line(start: int, step: int, seconds: float, every: int) -> str:
    """Return the log line for the first call, which trained from `start` to `step`."""
    steps = f"steps {start + 1:,} to {step:,}" if step > start + 1 else f"step {step:,}"
    return (
        f"under way: {steps} took {seconds:.1f} s, tracing "
        f"included; a line follows every {counted(every, 'step')}"
    )


class Clock:
    """Training time and recent speed."""

    def __init__(self) -> None:
        self._before = 0.0
        self._start = self._mark = time.monotonic()
        self._mark_step: int | None = None
        self._rate = 0.0

    def restore(self, seconds: float) -> None:
        """Restart the clock after `seconds` of earlier training."""
        self._before = seconds
        self._start = self._mark = time.monotonic()

    @property
    def seconds(self) -> float:
        """Total training time in seconds."""
        return self._before + time.monotonic() - self._start

    def since_mark(self) -> float:
        """Return the seconds since the last call of `rate`."""
        return time.monotonic() - self._mark

    def rate(self, step: int) -> float:
        """Return the steps per second since the last call; 0 at the first."""
        now = time.monotonic()
        if self._mark_step is not None and step > self._mark_step:
            self._rate = (step - self._mark_step) / max(now - self._mark, 1e-9)
        self._mark, self._mark_step = now, step
        return self._rate
