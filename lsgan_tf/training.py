"""Training of a run: start or resume, train, log, checkpoint, export."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from lsgan_tf.build import build_gan
from lsgan_tf.config import Config, as_begun
from lsgan_tf.data import checked_source, open_source, with_metadata
from lsgan_tf.data.pipeline import Batches
from lsgan_tf.data.source import Source
from lsgan_tf.distribute.cluster import from_environment
from lsgan_tf.distribute.devices import make_strategy, slow_precision, unused_gpu
from lsgan_tf.distribute.machine import describe_machine
from lsgan_tf.distribute.multi_step import Pace, check_replicas, make_run_steps, uses_xla
from lsgan_tf.distribute.workers import Workers
from lsgan_tf.errors import EXIT_COLLAPSED, DivergedError
from lsgan_tf.exporting.of_run import export_step
from lsgan_tf.gan import GAN
from lsgan_tf.monitoring import closing
from lsgan_tf.monitoring.monitor import Monitor, check_extra
from lsgan_tf.monitoring.progress import live_bar
from lsgan_tf.monitoring.schedule import Task, next_stop
from lsgan_tf.run_dir.checkpoints import Checkpoints
from lsgan_tf.run_dir.folder import RunFolder, load_config, new_run_dir
from lsgan_tf.run_dir.restore import load_initial_weights
from lsgan_tf.settings.checks import check_coding
from lsgan_tf.settings.table import describe_changed
from lsgan_tf.util.keras_state import neutral
from lsgan_tf.util.paths import local, optional
from lsgan_tf.util.signals import Interruption, exit_status
from lsgan_tf.util.terminal import safe_output
from lsgan_tf.util.text import counted, spell

# float16 skips steps that overflow; after this many in a row it will not recover.
_FLOAT16_PATIENCE = 100


@safe_output()
@neutral()
def train(
    config: Config,
    origins: Mapping[str, str] | None = None,
    run_dir: Path | str | None = None,
    *,
    source: Source | None = None,
) -> int:
    """Start a run, or resume it.

    Args:
      config: result of `resolve`; the dataset's metadata is filled in.
      origins: origin of each setting, for the log.
      run_dir: run folder; by default the config's, else a new folder in `runs/`.
      source: training data to use instead of the config's; requires `config.dataset` "images".

    Returns:
      The exit status of the process.

    Raises:
      UserError: for usage errors.
    """
    origins, run_dir = origins or {}, optional(run_dir or config.run_dir)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    cluster = from_environment()
    strategy = make_strategy(config.devices, cluster, worker_timeout=config.worker_timeout)
    workers = Workers(cluster, strategy)
    check_replicas(config, strategy)
    begun = load_config(run_dir) if run_dir and (run_dir / "config.json").is_file() else None
    if begun:
        # An older version, with other defaults and another stand-in, may have started it.
        config, origins = as_begun(config, origins, begun)
        config = dataclasses.replace(config, data_fingerprint=begun.data_fingerprint)
    else:
        check_coding(config, origins)
    source = open_source(config) if source is None else checked_source(config, source)
    config = with_metadata(config, source)
    with workers.together():
        workers.check(config)
        keras.utils.set_random_seed(config.seed)
        with strategy.scope():
            gan = build_gan(config, synchronized=strategy.num_replicas_in_sync > 1)
        initialize = functools.cache(
            lambda: load_initial_weights(local(config.init_from or ""), gan, source.classes)
        )
        if config.init_from and workers.chief and not begun:
            initialize()  # before the folder is created, as it may fail
        path = run_dir or new_run_dir(config)
        folder = RunFolder(path, config, source.classes, chief=workers.chief)
        with contextlib.closing(folder) as run:
            trainer = Trainer(config, gan, source, strategy, workers, run, origins, initialize)
            return trainer.train()


class Trainer:
    """Training of a run from its newest checkpoint, or from step 0.

    Args:
      config: config of the run, with the dataset's metadata.
      gan: the model.
      source: training data.
      strategy: distribution strategy.
      workers: worker processes.
      run: open run folder.
      origins: origin of each setting, for the log of a new run.
      initialize: loads the weights of `config.init_from` and returns lines for the log.

    Attributes:
      step: number of steps trained.

    Raises:
      UserError: if a metric is requested but cannot be used.
    """

    def __init__(
        self,
        config: Config,
        gan: GAN,
        source: Source,
        strategy: tf.distribute.Strategy,
        workers: Workers,
        run: RunFolder,
        origins: Mapping[str, str],
        initialize: Callable[[], list[str]],
    ) -> None:
        self.config, self.gan, self.source, self.strategy = config, gan, source, strategy
        self.workers, self.run, self._origins = workers, run, origins
        self._initialize = initialize
        self.state = gan.state()
        stop_at_bad = config.precision != "float16"
        self._run_steps = make_run_steps(
            gan, strategy, jit_compile=uses_xla(config, strategy), stop_at_bad=stop_at_bad
        )
        size, draws = config.batch_size, config.d_steps
        self.batches = Batches(
            source, batch_size=size, draws=draws, seed=config.seed, flip=config.flip
        )
        self.checkpoints = Checkpoints(
            run.checkpoints,
            keep=config.keep_checkpoints,
            chief=workers.chief,
            check_extra=lambda extra: check_extra(extra, self.gan.measured),
        )
        self.checkpoints.clear_leftovers()
        self._found, self._warnings = self.checkpoints.newest()
        self.step = self._saved_step = self._found.step if self._found else 0
        if self.step < config.steps:
            run.truncate(self._found.extra["sizes"] if self._found else {})
        self.monitor = Monitor(
            config, self.gan, source, self.batches, strategy, workers, run, self.step
        )

    def train(self) -> int:
        """Train until the last step, a signal or a collapse.

        Returns:
          The exit status of the process; see docs/runs.md.
        """
        self._resume()
        config, monitor = self.config, self.monitor
        if self.step >= config.steps:
            return self._end_complete()
        tasks = [
            Task(config.log_every, monitor.log),
            Task(config.sample_every, monitor.sample),
            Task(config.watch_every, monitor.watch),
            Task(config.evaluate_every, monitor.evaluate),
            Task(config.checkpoint_every, self._checkpoint),
        ]
        start = self.step
        data = iter(self.batches.distribute(self.strategy, start))
        bar, pace = live_bar(start, config.steps), Pace()
        with Interruption() as interruption, contextlib.closing(monitor.profile), bar:
            if not bar.disable:
                self.run.echo = bar.write
            stop = self.workers.stopping(interruption.signal)
            while self.step < config.steps and not stop and not monitor.gives_up:
                before = self.step
                monitor.profile.before(before)
                stop_at = next_stop(before, config, tasks, monitor.profile.stops)
                self._take_steps(data, stop_at - before, pace)
                monitor.profile.after(self.step)
                if before == start:
                    monitor.progress.first_call(before, self.step)
                for task in tasks:
                    task.run_if_due(before, self.step)
                bar.update(self.step - before)
                stop = self.workers.stopping(interruption.signal)
            if self._saved_step != self.step:
                self._checkpoint(self.step)
            return self._end(stop)

    def _resume(self) -> None:
        """Restore the newest intact checkpoint, or start at step 0."""
        self._log_setup()
        monitor, extra = self.monitor, self._found.extra if self._found else {}
        monitor.prepare(extra)
        if self._found:
            self.checkpoints.restore(self._found, self.state)
            monitor.progress.restore(extra)
            self.run.log(f"resumed at step {self.step:,} from {self._found.path.name}")
        elif self.config.init_from and self.workers.chief:
            for line in self._initialize():
                self.run.log(line)
        if self.step < self.config.steps:
            monitor.begin(self._origins, extra)
        self.workers.share(self.gan.state_variables())
        monitor.share()
        self.step = self._saved_step = int(self.gan.step.numpy())
        if self.step == 0:
            self.run.log(f"training from step 0 in {self.run.path}")
            monitor.reals()
            monitor.sample(0)
        monitor.progress.clock.rate(self.step)

    def _log_setup(self) -> None:
        self.run.log(describe_machine(self.strategy))
        slow = slow_precision(self.config.precision, self.strategy)
        unused = unused_gpu(self.config.devices)
        for warning in filter(None, (*self._warnings, *self.source.warnings, slow, unused)):
            self.run.log(warning)
        if not self._found:
            self.run.log(describe_changed(self.config, self._origins))

    def _take_steps(self, data: tf.distribute.DistributedIterator, count: int, pace: Pace) -> None:
        """Train up to `count` steps, limited by the pace; raise an error if the run diverged."""
        window = self.monitor.progress.window
        # All workers must take the same number of steps.
        piece = min(count, int(self.workers.share_numbers([pace.steps])[0]))
        begun = time.monotonic()
        so_far = tf.constant(window.call, tf.float64)
        result = self._run_steps(data, tf.constant(piece, tf.int64), so_far)
        sums, last, done, bad, bad_at_end = (value.numpy() for value in result)
        pace.note(piece, time.monotonic() - begun)
        self.step += int(done)
        ends = piece == count
        self.monitor.add(sums, int(done), int(bad), int(bad_at_end), ends=ends)
        patience = _FLOAT16_PATIENCE if self.config.precision == "float16" else 0
        # With patience, checked only after all `count` steps: pieces depend on timing.
        if window.bad_in_a_row > patience and (ends or not patience):
            self._diverged(last)

    def _checkpoint(self, step: int) -> None:
        monitor = self.monitor
        monitor.progress.data_warnings()
        self.checkpoints.save(step, self.state, monitor.extra(), monitor.watcher.last_good())
        self._saved_step = step
        monitor.checkpoint()

    def _end(self, stop: signal.Signals | None) -> int:
        watcher = self.monitor.watcher
        gives_up = self.monitor.gives_up and stop is None and self.step < self.config.steps
        self.monitor.end(self.step, failed=gives_up, stopped=stop is not None)
        if gives_up:
            self._export_once()
            self.run.log(closing.collapsed_line(watcher.verdict(), self.step))
            return EXIT_COLLAPSED
        if stop in (None, signal.SIGINT):
            self._export()
        if stop is None:
            if watcher.collapsed:
                self.run.log(watcher.verdict())
            seconds = self.monitor.progress.clock.seconds
            self.run.log(f"finished {counted(self.step, 'step')} in {spell(seconds)}")
            self.run.show(closing.next_steps(self.config, self.source.classes, self.run.path))
            return 0
        self.run.log(closing.stopped_line(stop, self.step, self.run.path))
        return exit_status(stop)

    def _end_complete(self) -> int:
        self.run.log(closing.complete_line(self.step, self.config.steps))
        self.monitor.summaries.close()
        self._export_once()
        return 0

    def _export_once(self) -> None:
        if export_step(self.run.export) != self.step:  # e.g. killed after the last checkpoint
            self._export()

    def _export(self) -> None:
        from lsgan_tf.exporting.savedmodel import write_saved_model

        if not (self.workers.chief and self.config.export_at_end):
            return
        path = write_saved_model(
            self.run.export, self.config, self.gan, self.source.classes, self.step, self.run.path
        )
        self.run.log(f"SavedModel of step {self.step:,} in {path}")

    def _diverged(self, last: np.ndarray) -> None:
        from lsgan_tf.monitoring.nonfinite import diagnose

        self.monitor.end(self.step, failed=True)
        data = self.batches.slice(self.step - 1, 0, 1)
        diagnosis = diagnose(self.config, self.gan, self.step, last, *data)
        kept, _ = self.checkpoints.newest()
        message = closing.diverged_message(diagnosis, kept.path if kept else None)
        self.run.note(f"diverged: {message}")
        raise DivergedError(message)
