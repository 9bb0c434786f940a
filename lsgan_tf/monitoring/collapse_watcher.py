"""Regular checks of a run's samples and scores for collapse."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

from lsgan_tf.config import Config
from lsgan_tf.gan import measured
from lsgan_tf.monitoring.collapse import Alarm, Check, Event, separation, spread
from lsgan_tf.monitoring.sample_grids import Previews
from lsgan_tf.monitoring.tensorboard.summaries import Summaries
from lsgan_tf.monitoring.window import Window
from lsgan_tf.run_dir.checkpoints import find
from lsgan_tf.run_dir.folder import RunFolder
from lsgan_tf.util.forms import fields_of


class Watcher:
    """Collapse checks of a run, written to `watch.jsonl` and `summary.json`.

    Args:
      config: config of the run.
      previews: source of samples from fixed noise and of reals to compare them with.
      run: run folder.
      summaries: TensorBoard event files.

    Attributes:
      window: metrics since the last check.
    """

    def __init__(
        self, config: Config, previews: Previews, run: RunFolder, summaries: Summaries
    ) -> None:
        self._config, self._previews = config, previews
        self._run, self._summaries = run, summaries
        self._alarm = Alarm()
        self._names = measured(config.gradient_penalty)
        self.window = Window(names=self._names)
        # Set by the first check: spread of the reals, and whether it is within classes.
        self._of_reals: float | None = None
        self._within = False

    def state(self) -> dict[str, Any]:
        """Return the state to keep in a checkpoint, as JSON values."""
        return {"alarm": dataclasses.asdict(self._alarm), "window": self.window.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a result of `state`."""
        self._alarm = Alarm(**fields_of(Alarm, state["alarm"]))
        self.window.restore(state["window"])

    @property
    def collapsed(self) -> bool:
        """Whether the run is currently considered collapsed."""
        return self._alarm.since is not None

    def check(self, step: int) -> None:
        """Check the samples and the metrics since the last check."""
        means, self.window = self.window.means(), Window(names=self._names)
        check = Check(
            step,
            spread=self._relative_spread(),
            separation=self._separation(means["score_real"], means["score_fake"]),
            gradient=means["g_gradient_norm"],
        )
        event = self._alarm.update(check)
        self._run.append("watch.jsonl", {**dataclasses.asdict(check), "collapsed": self.collapsed})
        curves = {
            "watch/spread": check.spread,
            "watch/separation": check.separation,
            "watch/collapsed": float(self.collapsed),
        }
        self._summaries.scalars(step, curves)
        if event:
            message = self._message(event)
            self._run.log(f"step {step:,}: {message}")
            self._summaries.text(step, "collapse", message)
        self.write_summary()

    def write_summary(self) -> None:
        """Update `summary.json`."""
        if not self._config.watch_every:
            return
        good = self.last_good()
        found = {**self._alarm.summary(), "last_good_checkpoint": good and good.name}
        self._run.summarize("collapse", found)

    def last_good(self) -> Path | None:
        """Return the newest checkpoint not later than the last healthy check, or None."""
        sound = self._alarm.sound_step
        return next((path for step, path in find(self._run.checkpoints) if step <= sound), None)

    def verdict(self) -> str:
        """Describe the collapse in one line."""
        good = self.last_good()
        kept = f"{good} is the last good checkpoint" if good else "no checkpoint is from before it"
        return (
            f"this run has probably collapsed since step {self._alarm.since:,}: "
            f"{self._alarm.why}; {kept}"
        )

    def _message(self, event: Event) -> str:
        if event is Event.COLLAPSED:
            return self.verdict()
        return "the samples differ from one another again: the collapse has passed"

    def _relative_spread(self) -> float:
        if self._of_reals is None:
            reals, labels = self._previews.real_examples()
            # Without two reals of a class, there are no pairs within classes.
            self._within = spread(reals, labels) > 0.0
            self._of_reals = spread(reals, labels if self._within else None)
        made, labels = self._previews.examples()
        return spread(made, labels if self._within else None) / max(self._of_reals, 1e-12)

    def _separation(self, real: float | None, fake: float | None) -> float:
        if real is None or fake is None:
            return 0.0
        config = self._config
        if config.loss == "lsgan":
            return separation(real, fake, low=config.label_fake, high=config.label_real)
        return separation(_sigmoid(real), _sigmoid(fake), low=0.0, high=1.0)


def _sigmoid(score: float) -> float:
    return 0.5 * (1.0 + math.tanh(0.5 * score))
