"""The life of a run: open, resume, train, look, keep, export."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from lsgan_tf import grids
from lsgan_tf.build import build_gan
from lsgan_tf.checkpoints import Checkpoints
from lsgan_tf.clock import Clock, spell
from lsgan_tf.config import Config
from lsgan_tf.data import open_source, with_facts
from lsgan_tf.data.pipeline import Batches
from lsgan_tf.data.source import Source
from lsgan_tf.devices import make_strategy
from lsgan_tf.errors import DivergedError
from lsgan_tf.flagging import describe
from lsgan_tf.gan import METRICS
from lsgan_tf.interruption import Interruption
from lsgan_tf.previews import Previews
from lsgan_tf.run_folder import RunFolder, is_terminal, new_run_dir
from lsgan_tf.steps import Task, Window, check_replicas, make_run_steps, next_stop, uses_xla
from lsgan_tf.summaries import Summaries

_CURVES = {
    "d_loss": "loss/discriminator",
    "g_loss": "loss/generator",
    "score_real": "score/real",
    "score_fake": "score/fake",
    "d_gradient_norm": "gradient/discriminator",
    "g_gradient_norm": "gradient/generator",
}
# float16 skips steps that overflow; this many in a row will not recover.
_FLOAT16_PATIENCE = 100


def train(config: Config, origins: Mapping[str, str], run_dir: Path | None) -> int:
    """Trains what a config describes, or goes on with it.

    Args:
      config: as the flags give it; the dataset's facts are filled in here.
      origins: where each setting comes from, for the log.
      run_dir: the run's folder; None is a new one under `runs/`.

    Returns:
      The process's exit status.

    Raises:
      UserError: for anything the user can put right.
    """
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    strategy = make_strategy(config.devices)
    check_replicas(config, strategy)
    source = open_source(config)
    config = with_facts(config, source)
    run = RunFolder(run_dir or new_run_dir(config), config, source.classes)
    try:
        return Trainer(config, source, strategy, run, describe(config, origins)).train()
    finally:
        run.close()


class Trainer:
    """One run, from its newest checkpoint (or step 0) to its end.

    Args:
      config: with the dataset's facts.
      source: the data.
      strategy: the devices.
      run: the run's folder, open.
      settings: the config in words, for a new run's log.

    Raises:
      UserError: if XLA is asked for where it cannot be used.
    """

    def __init__(
        self,
        config: Config,
        source: Source,
        strategy: tf.distribute.Strategy,
        run: RunFolder,
        settings: str,
    ) -> None:
        self.config, self.source, self.strategy, self.run = config, source, strategy, run
        self._settings = settings
        keras.utils.set_random_seed(config.seed)
        with strategy.scope():
            self.gan = build_gan(config, synchronized=strategy.num_replicas_in_sync > 1)
        self.state = tf.train.Checkpoint(
            generator=self.gan.generator,
            discriminator=self.gan.discriminator,
            d_optimizer=self.gan.d_optimizer,
            g_optimizer=self.gan.g_optimizer,
            step=self.gan.step,
        )
        self.checkpoints = Checkpoints(
            run.checkpoints, keep=config.keep_checkpoints, notify=run.log
        )
        self.previews = Previews(config, source, self.gan)
        self._run_steps = make_run_steps(
            self.gan,
            strategy,
            jit_compile=uses_xla(config, strategy),
            stop_at_bad=config.precision != "float16",
        )
        self.window = Window()

    def train(self) -> int:
        """Trains to the end; returns the process's exit status (README lists them)."""
        self._resume()
        config = self.config
        if self.step >= config.steps:
            self._finish_again()
            return 0
        tasks = [
            Task(config.log_every, self._log),
            Task(config.sample_every, self._sample),
            Task(config.checkpoint_every, self._checkpoint),
        ]
        data = iter(self._batches())
        with Interruption() as interruption, self._live_bar() as bar:
            while self.step < config.steps and interruption.signal is None:
                before = self.step
                self._take_steps(data, next_stop(before, config, tasks) - before)
                for task in tasks:
                    if task.every and self.step // task.every > before // task.every:
                        task.action()
                bar.update(self.step - before)
        if self._saved_step != self.step:
            self._checkpoint()
        return self._end(interruption)

    def _resume(self) -> None:
        """Goes to the newest sound checkpoint, or to step 0."""
        self.checkpoints.clear_leftovers()
        found = self.checkpoints.newest()
        self.run.truncate(found.extra["sizes"] if found else {})
        self.summaries = Summaries(self.run.tensorboard, self._caption())
        if not found:
            self.run.log(self._settings)
        for notice in self.source.notices:
            self.run.log(notice)
        if found:
            self.checkpoints.restore(found, self.state)
            self.step = found.step
            self.window = Window(**found.extra["window"])
            self.clock = Clock(found.extra["seconds"])
            self.run.log(f"resumed at step {self.step:,} from {found.path.name}")
        else:
            self.step, self.clock = 0, Clock()
            self.run.log(f"training from step 0 in {self.run.path}")
            grids.save_png(self.run.path / "reals.png", self.previews.reals())
            self.summaries.text(0, "config", f"```\n{self._settings}\n```")
            self._sample()
        self._saved_step = self.step
        self.clock.rate(self.step)

    def _take_steps(self, data: tf.distribute.DistributedIterator, count: int) -> None:
        """Runs `count` steps in one call, and stops the run if one of them went bad."""
        result = self._run_steps(data, tf.constant(count, tf.int64))
        sums, last, done, bad, bad_at_end = (value.numpy() for value in result)
        self.step += int(done)
        self.window.add(sums, int(done), int(bad), int(bad_at_end))
        patience = _FLOAT16_PATIENCE if self.config.precision == "float16" else 0
        if self.window.bad_in_a_row > patience:
            self._diverged(last)

    def _log(self) -> None:
        means = self.window.means()
        self.window = Window(bad_in_a_row=self.window.bad_in_a_row)
        rate = self.clock.rate(self.step)
        self.run.stats({"step": self.step, **means})
        self.run.timing(
            {
                "step": self.step,
                "seconds": round(self.clock.seconds, 3),
                "images_per_second": round(rate * self.config.batch_size, 2),
            }
        )
        curves = {_CURVES[name]: value for name, value in means.items() if value is not None}
        self.summaries.scalars(self.step, curves)
        if rate:
            self.summaries.scalars(
                self.step, {"speed/images per second": rate * self.config.batch_size}
            )
        self.run.log(progress_line(self.step, self.config, means, rate))

    def _sample(self) -> None:
        picture = self.previews.samples(self.step)
        grids.save_png(self.run.samples / f"step-{self.step:08d}.png", picture)
        self.summaries.image(self.step, "samples", picture)

    def _checkpoint(self) -> None:
        self.summaries.flush()
        extra = {
            "seconds": self.clock.seconds,
            "window": dataclasses.asdict(self.window),
            "sizes": self.run.sizes(),
        }
        self.checkpoints.save(self.step, self.state, extra)
        self._saved_step = self.step

    def _end(self, interruption: Interruption) -> int:
        self.summaries.close()
        if interruption.signal is None:
            self._export()
            self.run.log(f"finished {self.step:,} steps in {spell(self.clock.seconds)}")
            return 0
        if interruption.signal.name == "SIGINT":
            self._export()
        self.run.log(
            f"stopped by {interruption.signal.name} at step {self.step:,}, checkpoint written; "
            f"resume with the same command and --run_dir={self.run.path}"
        )
        return interruption.status

    def _finish_again(self) -> None:
        self.run.log(
            f"this run is finished: {self.step:,} of {self.config.steps:,} steps are done; "
            "give more --steps to go on"
        )
        self.summaries.close()
        if not (self.run.export / "saved_model.pb").is_file():
            self._export()

    def _export(self) -> None:
        from lsgan_tf.savedmodel import write_saved_model

        path = write_saved_model(
            self.run.export, self.config, self.gan, self.source.classes, self.step
        )
        self.run.log(f"SavedModel of step {self.step:,} in {path}")

    def _diverged(self, last: np.ndarray) -> None:
        from lsgan_tf.diagnosis import first_bad_layers

        bad = [name for name, value in zip(METRICS, last, strict=True) if not math.isfinite(value)]
        step = self.step - 1
        examples, labels = Batches.slice(self._batches_of_run(), step, 0, 1)
        where = first_bad_layers(self.gan, step, examples, labels)
        self.summaries.close()
        kept = self.checkpoints.newest()
        remains = (
            f"{kept.path} is the last good checkpoint" if kept else "no checkpoint was written"
        )
        raise DivergedError(
            f"step {self.step:,}: {', '.join(bad)} not finite; {where}; {remains}; try a smaller "
            "--learning_rate, --clip_norm, or --precision=float32"
        )

    def _batches_of_run(self) -> Batches:
        config = self.config
        return Batches(
            self.source,
            batch_size=config.batch_size,
            draws=config.d_steps,
            seed=config.seed,
            flip=config.flip,
        )

    def _batches(self) -> tf.distribute.DistributedDataset:
        """The run's batches from the current step on, each replica its slice."""
        batches, first_step = self._batches_of_run(), self.step
        replicas = self.strategy.num_replicas_in_sync

        def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
            local = replicas // context.num_input_pipelines
            return batches.dataset(
                first_step,
                replicas=replicas,
                first_replica=context.input_pipeline_id * local,
                local_replicas=local,
            )

        return self.strategy.distribute_datasets_from_function(of_worker)

    def _live_bar(self) -> tqdm:
        bar = tqdm(
            total=self.config.steps,
            initial=self.step,
            unit=" steps",
            disable=not is_terminal(),
            dynamic_ncols=True,
            leave=False,
        )
        if not bar.disable:
            self.run.echo = bar.write
        return bar

    def _caption(self) -> str:
        return f"Trained on {self.source.description}." if self.source.description else ""


def progress_line(step: int, config: Config, means: Mapping[str, float], rate: float) -> str:
    """One line of progress: where the run is, how fast, and how the two networks stand."""
    speed = f"{rate * config.batch_size:,.0f} images/s" if rate else "- images/s"
    left = spell((config.steps - step) / rate) if rate else "-"
    return (
        f"step {step:,} of {config.steps:,} ({step / config.steps:.1%})  {speed}  ETA {left}  "
        f"D {means['d_loss']:.4f}  G {means['g_loss']:.4f}  "
        f"D(real) {means['score_real']:+.3f}  D(fake) {means['score_fake']:+.3f}"
    )
