"""The observers of a run: logs, sample grids, collapse checks, evaluations, TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lsgan_tf.config import Config
from lsgan_tf.data.pipeline import Batches
from lsgan_tf.data.source import Source
from lsgan_tf.distribute.workers import Workers
from lsgan_tf.gan import GAN
from lsgan_tf.monitoring.collapse import ALARM_FORM
from lsgan_tf.monitoring.collapse_watcher import Watcher
from lsgan_tf.monitoring.evaluator import Evaluator, evaluation_due
from lsgan_tf.monitoring.sample_grids import Previews
from lsgan_tf.monitoring.tensorboard.dashboard import Dashboard
from lsgan_tf.monitoring.tensorboard.profiler import Profile
from lsgan_tf.monitoring.tensorboard.summaries import Summaries
from lsgan_tf.monitoring.training_log import TrainingLog
from lsgan_tf.monitoring.window import WINDOW_FORM, Window
from lsgan_tf.run_dir.folder import RunFolder
from lsgan_tf.sampling import image_grid
from lsgan_tf.util.forms import check_form, fields_of

_FORM = {
    "seconds": float,
    "window": WINDOW_FORM,
    "sizes": {str: int},
    "watch?": ({"alarm": ALARM_FORM, "window": WINDOW_FORM}, None),
    "best?": ({"step": int, "metric": str, "weights": str, "value": float}, None),
    "dashboard?": bool,
}


class Monitor:
    """The observers of a run; they read the model and never modify it.

    Args:
      config: config of the run, with the dataset's metadata.
      gan: the model.
      source: training data.
      batches: training batches.
      strategy: distribution strategy.
      workers: worker processes.
      run: run folder.
      step: steps trained.

    Attributes:
      summaries: TensorBoard event files; disabled if no step remains.
      progress: log of the training metrics.
      watcher: collapse checks.
      dashboard: other views in TensorBoard.
      profile: profile of the requested steps.
      gives_up: whether the run is to end because it collapsed.

    Raises:
      UserError: if a metric is requested but cannot be computed.
    """

    def __init__(
        self,
        config: Config,
        gan: GAN,
        source: Source,
        batches: Batches,
        strategy: tf.distribute.Strategy,
        workers: Workers,
        run: RunFolder,
        step: int,
    ) -> None:
        self._config, self._workers, self._run = config, workers, run
        self.summaries = Summaries(
            run.tensorboard, source.description, enabled=workers.chief and step < config.steps
        )
        self.progress = TrainingLog(config, source, run, self.summaries)
        self._previews = Previews(config, source, gan)
        self.profile = Profile(config, run, enabled=workers.chief)
        self.watcher = Watcher(config, self._previews, run, self.summaries)
        self.dashboard = Dashboard(config, gan, strategy, source, batches, run, self.summaries)
        self._evaluator: Evaluator | None = None
        if workers.chief and evaluation_due(config, step):
            self._evaluator = Evaluator(config, gan, source, run, self.summaries)
        self._best: dict[str, Any] | None = None
        self.gives_up = False

    # Resuming

    def prepare(self, extra: Mapping[str, Any]) -> None:
        """Prepare the metrics, which may take minutes, and restore all but the training log.

        Args:
          extra: JSON values of the checkpoint; empty at step 0.
        """
        self._best = extra.get("best")
        if self._evaluator:
            self._evaluator.restore(self._best)
            self._evaluator.prepare()
        if extra.get("watch"):
            self.watcher.restore(extra["watch"])

    def begin(self, origins: Mapping[str, str], extra: Mapping[str, Any]) -> None:
        """Write what is written once per run.

        Args:
          origins: origin of each setting.
          extra: JSON values of the checkpoint; empty at step 0.
        """
        self.watcher.write_summary()
        if not extra.get("dashboard"):  # a new run, or one of a version without dashboard
            self.dashboard.begin(origins, self._best)

    def share(self) -> None:
        """Send the state of the chief to the other workers."""
        window = self.progress.window
        window.unpack(self._workers.share_numbers(window.pack()))
        self._decide()

    def extra(self) -> dict[str, Any]:
        """Return the JSON values of a checkpoint: see `check_extra`."""
        self.summaries.flush()
        return {
            **self.progress.state(),
            "watch": self.watcher.state(),
            "best": self._evaluator.best if self._evaluator else self._best,
            "dashboard": True,
            "sizes": self._run.sizes(),
        }

    # Tasks, called by every worker

    def add(self, sums: np.ndarray, done: int, bad: int, bad_at_end: int, *, ends: bool) -> None:
        """Add a piece of a call: see `Window.add`."""
        for window in (self.progress.window, self.watcher.window):
            window.add(sums, done, bad, bad_at_end, ends=ends)

    def log(self, step: int) -> None:
        """Log the metrics since the last line."""
        self.progress.log(step)
        self.dashboard.log(step)

    def reals(self) -> None:
        """Write a grid of real examples to compare the samples with."""
        if self._workers.chief:
            reals = self._previews.reals()
            image_grid.save_png(self._run.path / "reals.png", reals)
            self.summaries.image(0, "reals", reals)

    def sample(self, step: int) -> None:
        """Write a sample grid."""
        if self._workers.chief:
            self._previews.save(self._run.samples, step, self.summaries)

    def watch(self, step: int) -> None:
        """Check for collapse, and decide whether the run is to end."""
        if self._workers.chief:
            self.watcher.check(step)
        self._decide()

    def evaluate(self, step: int) -> None:
        """Evaluate the weights, and keep the best."""
        if self._evaluator:
            self._evaluator.evaluate(step, self.extra)
            self.progress.clock.rate(step)  # excludes evaluation from the speed

    def checkpoint(self) -> None:
        """Update what follows the checkpoints."""
        self.dashboard.checkpoint()
        self.watcher.write_summary()

    def end(self, step: int, *, failed: bool = False, stopped: bool = False) -> None:
        """Write the outcome of the run and close all files: see `Dashboard.end`."""
        self.profile.close()
        self.dashboard.end(step, failed=failed, stopped=stopped)

    def _decide(self) -> None:
        """Set `gives_up` as decided by the chief."""
        if self._config.stop_on_collapse:
            collapsed = float(self.watcher.collapsed)
            self.gives_up = bool(self._workers.share_numbers([collapsed])[0])


def check_extra(extra: dict[str, Any], metrics: Sequence[str]) -> None:
    """Check the JSON values read from a checkpoint.

    Args:
      extra: the parsed JSON.
      metrics: names of the run's training metrics.

    Raises:
      ValueError: if they are malformed or belong to other metrics.
    """
    check_form(extra, _FORM)
    for owner in (extra, extra.get("watch")):
        window = Window(**fields_of(Window, owner["window"])) if owner else None
        if window and (window.names, len(window.sums)) != (tuple(metrics), len(metrics)):
            raise ValueError("window: of other metrics than this run's")
