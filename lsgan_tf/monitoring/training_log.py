"""Training progress in `stats.jsonl`, `timing.jsonl`, `log.txt` and TensorBoard."""

from __future__ import annotations

from typing import Any

from lsgan_tf.config import Config
from lsgan_tf.data.source import Source
from lsgan_tf.gan import measured
from lsgan_tf.monitoring.progress import CURVES, Clock, progress_line, under_way_line
from lsgan_tf.monitoring.tensorboard.summaries import Summaries
from lsgan_tf.monitoring.window import Window
from lsgan_tf.run_dir.folder import RunFolder


class TrainingLog:
    """Log of training metrics and speed.

    Args:
      config: config of the run.
      source: training data, whose warnings are logged too.
      run: run folder.
      summaries: TensorBoard event files.

    Attributes:
      clock: training time and speed.
      window: metrics since the last line.
    """

    def __init__(
        self, config: Config, source: Source, run: RunFolder, summaries: Summaries
    ) -> None:
        self._config, self._source = config, source
        self._run, self._summaries = run, summaries
        self.clock, self.window = Clock(), Window(names=measured(config.gradient_penalty))

    def state(self) -> dict[str, Any]:
        """Return the state to keep in a checkpoint, as JSON values."""
        return {"seconds": self.clock.seconds, "window": self.window.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a result of `state`; other keys are ignored."""
        self.clock.restore(state["seconds"])
        self.window.restore(state["window"])

    def first_call(self, start: int, step: int) -> None:
        """Log the time of the first call, unless a progress line is due."""
        if step % self._config.log_every and step < self._config.steps:
            took = self.clock.since_mark()
            self._run.log(under_way_line(start, step, took, self._config.log_every))

    def log(self, step: int) -> None:
        """Log the metrics since the last line."""
        means = self.window.means()
        self.window.reset()
        rate = self.clock.rate(step)
        images = rate * self._config.batch_size
        self._run.append("stats.jsonl", {"step": step, **means})
        times = {"seconds": round(self.clock.seconds, 3), "images_per_second": round(images, 2)}
        self._run.append("timing.jsonl", {"step": step, **times})
        curves = {CURVES[name]: value for name, value in means.items() if value is not None}
        if images:
            curves["speed/images per second"] = images
        self._summaries.scalars(step, curves)
        self._run.log(progress_line(step, self._config, means, rate))
        self.data_warnings()

    def data_warnings(self) -> None:
        """Log problems found while reading the data, such as damaged images."""
        for line in self._source.new_warnings():
            self._run.log(line)
