"""TensorBoard views of a run other than curves and images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from lsgan_tf.config import Config
from lsgan_tf.data.pipeline import Batches
from lsgan_tf.data.source import Source
from lsgan_tf.gan import GAN
from lsgan_tf.monitoring.tensorboard import hparams
from lsgan_tf.monitoring.tensorboard.graph import networks_graph
from lsgan_tf.monitoring.tensorboard.hparams import settings_table
from lsgan_tf.monitoring.tensorboard.projector import Projector
from lsgan_tf.monitoring.tensorboard.score_histograms import BatchScores, histogram_due
from lsgan_tf.monitoring.tensorboard.summaries import Summaries
from lsgan_tf.run_dir.folder import RunFolder


class Dashboard:
    """Settings, graph, score histograms, Projector files and HParams row of a run.

    Args:
      config: config of the run, with the dataset's metadata.
      gan: the model.
      strategy: distribution strategy.
      source: training data.
      batches: training batches.
      run: run folder.
      summaries: event files for all but the Projector; if disabled, nothing is written.
    """

    def __init__(
        self,
        config: Config,
        gan: GAN,
        strategy: tf.distribute.Strategy,
        source: Source,
        batches: Batches,
        run: RunFolder,
        summaries: Summaries,
    ) -> None:
        self._config, self._gan, self._source = config, gan, source
        self._summaries = summaries
        self._scores = BatchScores(gan, strategy, batches)
        # An unconditional network has no embedding of labels.
        shown = config.conditional and summaries.enabled
        self._projector = Projector(run.tensorboard, gan, source) if shown else None

    def begin(self, origins: Mapping[str, str], best: Mapping[str, Any] | None) -> None:
        """Write what does not change during a run; called once per run.

        Args:
          origins: origin of each setting.
          best: best evaluation of a run that was started without a dashboard.
        """
        if not self._summaries.enabled:
            return
        self._summaries.text(0, "config", settings_table(self._config, origins))
        self._summaries.proto(0, hparams.session_start(self._config))
        self._summaries.graph(networks_graph(self._gan))
        if best:
            self._summaries.scalars(best["step"], {f"best/{best['metric']}": best["value"]})

    def log(self, step: int) -> None:
        """Write histograms of D's scores of a batch, if due; every worker must call this."""
        if not histogram_due(step, self._config.log_every):
            return
        real, fake = self._scores.at(step)
        self._summaries.histogram(step, "scores/real", real)
        self._summaries.histogram(step, "scores/fake", fake)

    def checkpoint(self) -> None:
        """Update the Projector's vectors."""
        if self._projector:
            self._projector.write()

    def end(self, step: int, *, failed: bool, stopped: bool = False) -> None:
        """Write the outcome of the run and close the event file.

        Args:
          step: steps trained.
          failed: whether the run diverged or collapsed.
          stopped: whether it was stopped by a signal.
        """
        if self._summaries.enabled:
            ended = hparams.Outcome.STOPPED if stopped else hparams.Outcome.FINISHED
            outcome = hparams.Outcome.FAILED if failed else ended
            self._summaries.proto(step, hparams.session_end(outcome))
        self._summaries.close()
