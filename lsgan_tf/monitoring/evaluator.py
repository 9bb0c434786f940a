"""Evaluates a run during training, and keeps its best checkpoint.

Nothing here moves the run: samples are drawn with noise of their own, networks are
read and not written, and what a measure needs is made outside the strategy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from lsgan_tf.config import Config
from lsgan_tf.data.source import Source
from lsgan_tf.errors import UserError
from lsgan_tf.exporting.savedmodel import write_saved_model
from lsgan_tf.gan import GAN
from lsgan_tf.metrics.generated import Draws
from lsgan_tf.metrics.registry import (
    chosen_metric,
    for_json,
    in_words,
    is_better,
    parse_metrics,
)
from lsgan_tf.metrics.requirements import default_metrics
from lsgan_tf.metrics.suite import open_suite
from lsgan_tf.monitoring.tensorboard.summaries import Summaries
from lsgan_tf.run_dir.checkpoints import Checkpoints
from lsgan_tf.run_dir.folder import RunFolder
from lsgan_tf.util.files import atomic_folder, explained, write_json
from lsgan_tf.util.paths import optional
from lsgan_tf.util.tensorflow_errors import one_line
from lsgan_tf.util.text import spell


class Evaluator:
    """Computes the metrics of a run; writes `evaluations.jsonl` and the folder `best/`.

    The EMA weights are measured if there are any, and then names of figures end in `_ema`;
    else the raw weights.

    Args:
      config: the run's, with the dataset's facts.
      gan: its model, whose present weights are measured.
      source: its training data.
      run: the run folder.
      summaries: likewise.

    Attributes:
      best: of the best evaluation so far, JSON-able: `step`, `metric`, `weights` and
        `value`; None before the first.

    Raises:
      UserError: if a measure does not fit the run or its data.
    """

    def __init__(
        self,
        config: Config,
        gan: GAN,
        source: Source,
        run: RunFolder,
        summaries: Summaries,
    ) -> None:
        self._config, self._gan, self._classes = config, gan, source.classes
        self._run, self._summaries = run, summaries
        names = parse_metrics(config.metrics) if config.metrics else default_metrics(config)
        self._suite = open_suite(
            names,
            config,
            train=source,
            samples=config.evaluate_samples,
            seed=config.seed,
            inception=optional(config.inception),
            log=run.log,
        )
        self._metric = chosen_metric(config.best_metric, self._suite.keys)
        self.best: dict[str, Any] | None = None
        raw = gan.average is None
        network = gan.generator if raw else gan.average
        self._real: dict[str, float | None] = {}
        self._draws = {"raw" if raw else "ema": Draws(network, config)}

    def restore(self, best: dict[str, Any] | None) -> None:
        """Restores `best` from a checkpoint, unless it is of another metric."""
        self.best = best if best and best["metric"] == self._metric else None

    def prepare(self) -> None:
        """Prepares the metrics and measures real examples; may take minutes.

        Raises:
          UserError: if it cannot be had.
        """
        self._suite.prepare()
        self._real = for_json(self._suite.real())
        self._run.log(f"real examples: {in_words(self._real)}")
        self._run.summarize("evaluation", {"real": self._real, "protocol": self._suite.protocol})
        self._run.summarize("best", self.best)

    def evaluate(
        self, step: int, state: tf.train.Checkpoint, extra: Callable[[], dict[str, Any]]
    ) -> None:
        """Evaluates the current weights, and keeps them if they are the best so far.

        A measure that fails, for want of memory say, or a `best/` that cannot be written,
        is logged and does not end the run.

        Args:
          step: steps trained.
          state: what a checkpoint holds.
          extra: gives what it keeps beside them; called after `best` is brought up to date.
        """
        start = time.monotonic()
        try:
            found = {
                name: for_json(
                    self._suite.measure(draws.batches(self._suite.samples, self._suite.seed))
                )
                for name, draws in self._draws.items()
            }
            figures = {
                f"{key}_ema" if name == "ema" else key: value
                for name, values in found.items()
                for key, value in values.items()
            }
            self._run.evaluation({"step": step, "figures": figures, "real": self._real})
            curves = {f"quality/{key}": v for key, v in figures.items() if v is not None}
            self._summaries.scalars(step, curves)
            for name, values in found.items():
                title = "" if name == "raw" else " of the EMA weights"
                self._run.log(f"step {step:,}: quality{title}: {in_words(values)}")
            took = time.monotonic() - start
            self._run.log(f"step {step:,}: evaluation took {spell(took)}")
            self._keep(step, found, state, extra)
        except Exception as error:
            # Including TensorFlow's errors, such as insufficient memory for the metrics.
            reason = str(error) if isinstance(error, UserError) else one_line(error)
            if reason is None:
                raise
            self._run.log(f"step {step:,}: evaluation failed, training goes on: {reason}")

    def _keep(
        self,
        step: int,
        found: dict[str, dict[str, float | None]],
        state: tf.train.Checkpoint,
        extra: Callable[[], dict[str, Any]],
    ) -> None:
        former, key = self.best, self._metric
        best = former
        for name, values in found.items():
            if is_better(key, values[key], best["value"] if best else None):
                best = {"step": step, "metric": key, "weights": name, "value": values[key]}
        if best is None or best == former:
            return
        self.best = best
        try:
            facts = {**best, "figures": found[best["weights"]]}
            write_best(
                self._run.best, self._config, self._gan, self._classes, facts, state, extra()
            )
        except Exception:
            self.best = former
            raise
        self._summaries.scalars(step, {f"best/{key}": best["value"]})
        self._run.summarize("best", self.best)
        self._run.log(f"step {step:,}: the best so far by {key}, kept in {self._run.best}")


def evaluation_due(config: Config, step: int) -> bool:
    """Whether a run at `step` will be evaluated before its end."""
    every = config.evaluate_every
    return bool(every) and (step // every + 1) * every <= config.steps


def write_best(
    path: Path,
    config: Config,
    gan: GAN,
    classes: Sequence[str],
    facts: dict[str, Any],
    state: tf.train.Checkpoint,
    extra: dict[str, Any],
) -> None:
    """Writes a checkpoint, its SavedModel and `best.json` atomically.

    Args:
      path: the folder; replaced if it exists.
      config: the run's.
      gan: its model.
      classes: names of the classes in label order.
      facts: what is known of this step; `step` among them.
      state: what a checkpoint holds.
      extra: what it keeps beside them.

    Raises:
      UserError: if it cannot be written; what was there stays.
    """
    with explained(path, "keeping the best"), atomic_folder(path) as temporary:
        Checkpoints(temporary).save(facts["step"], state, extra)
        step, run_dir = facts["step"], path.parent
        write_saved_model(temporary / "export", config, gan, classes, step, run_dir)
        write_json(temporary / "best.json", facts)
