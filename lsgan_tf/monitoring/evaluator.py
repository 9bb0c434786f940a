"""Evaluation during training, and the best checkpoint.

Evaluation does not affect training: it draws its own noise, only reads the networks, and
creates the models of metrics outside the strategy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lsgan_tf.config import Config
from lsgan_tf.data.source import Source
from lsgan_tf.errors import UserError
from lsgan_tf.exporting.savedmodel import write_saved_model
from lsgan_tf.gan import GAN
from lsgan_tf.metrics.generated import Draws
from lsgan_tf.metrics.registry import (
    check_options,
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
    """Evaluations of a run, written to `evaluations.jsonl`, and its best checkpoint, in `best/`.

    With EMA weights, these are evaluated and the names of values end in `_ema`; otherwise the
    raw weights are.

    Args:
      config: config of the run, with the dataset's metadata.
      gan: the model.
      source: training data.
      run: run folder.
      summaries: TensorBoard event files.

    Attributes:
      best: `step`, `metric`, `weights` and `value` of the best evaluation so far, as JSON
        values; None before the first.

    Raises:
      UserError: if a metric does not apply to the run or its data.
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
        if config.inception:
            check_options(["inception"], names)
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
        self._weights = "raw" if gan.average is None else "ema"
        self._draws = Draws(gan.generator if gan.average is None else gan.average, config)
        self._real: dict[str, float | None] = {}

    def restore(self, best: dict[str, Any] | None) -> None:
        """Restore `best` from a checkpoint, unless it is of another metric."""
        self.best = best if best and best["metric"] == self._metric else None

    def prepare(self) -> None:
        """Prepare the metrics and evaluate real examples, which may take minutes.

        Raises:
          UserError: if a metric cannot be prepared.
        """
        self._suite.prepare()
        self._real = for_json(self._suite.real())
        self._run.log(f"real examples: {in_words(self._real)}")
        self._run.summarize("evaluation", {"real": self._real, "protocol": self._suite.protocol})
        self._run.summarize("best", self.best)

    def evaluate(self, step: int, extra: Callable[[], dict[str, Any]]) -> None:
        """Evaluate the current weights, and keep them if they are the best so far.

        Failures, such as insufficient memory for a metric or a full disk, are logged and do
        not end the run.

        Args:
          step: steps trained.
          extra: returns the checkpoint's JSON values; called after `best` is updated.
        """
        start = time.monotonic()
        try:
            batches = self._draws.batches(self._suite.samples, self._suite.seed)
            found = for_json(self._suite.measure(batches))
            raw = self._weights == "raw"
            metrics = found if raw else {f"{key}_ema": value for key, value in found.items()}
            row = {"step": step, "figures": metrics, "real": self._real}
            self._run.append("evaluations.jsonl", row)
            curves = {f"quality/{key}": v for key, v in metrics.items() if v is not None}
            self._summaries.scalars(step, curves)
            title = "" if raw else " of the EMA weights"
            self._run.log(f"step {step:,}: quality{title}: {in_words(found)}")
            took = time.monotonic() - start
            self._run.log(f"step {step:,}: evaluation took {spell(took)}")
            self._keep(step, found, extra)
        except Exception as error:
            # Including TensorFlow's errors, such as insufficient memory for the metrics.
            reason = str(error) if isinstance(error, UserError) else one_line(error)
            if reason is None:
                raise
            self._run.log(f"step {step:,}: evaluation failed, training continues: {reason}")

    def _keep(
        self,
        step: int,
        found: dict[str, float | None],
        extra: Callable[[], dict[str, Any]],
    ) -> None:
        former, key = self.best, self._metric
        if not is_better(key, found[key], former["value"] if former else None):
            return
        best: dict[str, Any] = {"step": step, "metric": key, "weights": self._weights}
        best["value"] = found[key]
        self.best = best
        try:
            metadata = {**best, "figures": found}
            write_best(self._run.best, self._config, self._gan, self._classes, metadata, extra())
        except Exception:
            self.best = former
            raise
        self._summaries.scalars(step, {f"best/{key}": best["value"]})
        self._run.summarize("best", best)
        self._run.log(f"step {step:,}: the best so far by {key}, kept in {self._run.best}")


def evaluation_due(config: Config, step: int) -> bool:
    """Whether an evaluation is due after `step`."""
    every = config.evaluate_every
    return bool(every) and (step // every + 1) * every <= config.steps


def write_best(
    path: Path,
    config: Config,
    gan: GAN,
    classes: Sequence[str],
    metadata: dict[str, Any],
    extra: dict[str, Any],
) -> None:
    """Write a checkpoint, its SavedModel and `best.json` atomically.

    Args:
      path: output folder, replaced if it exists.
      config: config of the run.
      gan: the model.
      classes: names of the classes in label order.
      metadata: contents of `best.json`, including `step`.
      extra: JSON values of the checkpoint.

    Raises:
      UserError: if it cannot be written; an existing folder is then unchanged.
    """
    with explained(path, "keeping the best"), atomic_folder(path) as temporary:
        Checkpoints(temporary).save(metadata["step"], gan.state(), extra)
        step, run_dir = metadata["step"], path.parent
        write_saved_model(temporary / "export", config, gan, classes, step, run_dir)
        write_json(temporary / "best.json", metadata)
