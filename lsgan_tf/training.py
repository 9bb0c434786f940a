"""The life of a run: open, resume, train, look, keep, export."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lsgan_tf.build import build_gan
from lsgan_tf.config import Config, as_begun
from lsgan_tf.data import checked_source, open_source, with_facts
from lsgan_tf.data.pipeline import Batches
from lsgan_tf.data.source import Source
from lsgan_tf.distribute.cluster import from_environment
from lsgan_tf.distribute.devices import make_strategy, slow_precision
from lsgan_tf.distribute.machine import describe_machine
from lsgan_tf.distribute.multi_step import Pace, check_replicas, make_run_steps, uses_xla
from lsgan_tf.distribute.workers import Workers
from lsgan_tf.errors import DivergedError
from lsgan_tf.exporting.of_run import export_step
from lsgan_tf.monitoring.collapse import ALARM_FORM, EXIT_COLLAPSED
from lsgan_tf.monitoring.collapse_watcher import Watcher
from lsgan_tf.monitoring.evaluator import Evaluator, evaluation_due
from lsgan_tf.monitoring.next_steps import next_steps
from lsgan_tf.monitoring.progress import CURVES, Clock, live_bar, progress_line, under_way_line
from lsgan_tf.monitoring.sample_grids import Previews
from lsgan_tf.monitoring.tensorboard.dashboard import Dashboard
from lsgan_tf.monitoring.tensorboard.profiler import Profile
from lsgan_tf.monitoring.tensorboard.summaries import Summaries
from lsgan_tf.monitoring.window import WINDOW_FORM, Window
from lsgan_tf.run_dir.checkpoints import Checkpoints, Found
from lsgan_tf.run_dir.folder import RunFolder, load_config, new_run_dir
from lsgan_tf.run_dir.restore import take_weights
from lsgan_tf.sampling import image_grid
from lsgan_tf.settings.table import describe_changed
from lsgan_tf.util.forms import check_form, fields_of
from lsgan_tf.util.keras_state import neutral
from lsgan_tf.util.paths import local, optional
from lsgan_tf.util.signals import Interruption, exit_status
from lsgan_tf.util.terminal import lasting
from lsgan_tf.util.text import spell

# float16 skips steps that overflow; this many in a row will not recover.
_FLOAT16_PATIENCE = 100
# What a checkpoint keeps beside the networks: see `Trainer._extra`.
_EXTRA_FORM = {
    "seconds": float,
    "window": WINDOW_FORM,
    "sizes": {str: int},
    "watch?": ({"alarm": ALARM_FORM, "window": WINDOW_FORM}, None),
    "best?": ({"step": int, "metric": str, "weights": str, "value": float}, None),
    "dashboard?": bool,
}
_REASONS = {
    "SIGHUP": " (the terminal was closed)",
    "SIGPIPE": " (nobody reads standard output any more)",
}


@lasting()
@neutral()
def train(
    config: Config,
    origins: Mapping[str, str] | None = None,
    run_dir: Path | str | None = None,
    *,
    source: Source | None = None,
) -> int:
    """Trains what a config describes, or goes on with it.

    Args:
      config: as `resolve` gives it; the dataset's facts are filled in here.
      origins: where each setting comes from, for the log.
      run_dir: the run's folder; None is the config's or, without one, a new folder in `runs/`.
      source: training data other than the config's; the config's `dataset` is "images" then.

    Returns:
      The process's exit status.

    Raises:
      UserError: for anything the user can put right.
    """
    origins, run_dir = origins or {}, optional(run_dir or config.run_dir)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    cluster = from_environment()
    strategy = make_strategy(config.devices, cluster, worker_timeout=config.worker_timeout)
    workers = Workers(cluster, strategy)
    check_replicas(config, strategy)
    if run_dir and (run_dir / "config.json").is_file():
        # An older version may have begun it, with other defaults and another stand-in.
        begun = load_config(run_dir)
        config, origins = as_begun(config, origins, begun)
        config = dataclasses.replace(config, data_fingerprint=begun.data_fingerprint)
    source = open_source(config) if source is None else checked_source(config, source)
    config = with_facts(config, source)
    path = run_dir or new_run_dir(config)
    folder = RunFolder(path, config, source.classes, chief=workers.chief)
    with contextlib.closing(folder) as run, workers.together():
        workers.check(config)
        trainer = Trainer(config, source, strategy, workers, run, origins)
        return trainer.train()


class Trainer:
    """One run, from its newest checkpoint (or step 0) to its end.

    Args:
      config: with the dataset's facts.
      source: the data.
      strategy: the devices.
      workers: the processes.
      run: the run's folder, open.
      origins: where each setting comes from, for a new run's log.

    Raises:
      UserError: if XLA is asked for where it cannot be used.
    """

    def __init__(
        self,
        config: Config,
        source: Source,
        strategy: tf.distribute.Strategy,
        workers: Workers,
        run: RunFolder,
        origins: Mapping[str, str],
    ) -> None:
        self.config, self.source, self.strategy = config, source, strategy
        self.workers, self.run, self._origins = workers, run, origins
        jit_compile = uses_xla(config, strategy)
        keras.utils.set_random_seed(config.seed)
        with strategy.scope():
            self.gan = build_gan(config, synchronized=strategy.num_replicas_in_sync > 1)
        self.state = self.gan.state()
        self.checkpoints = Checkpoints(
            run.checkpoints,
            keep=config.keep_checkpoints,
            chief=workers.chief,
            check_extra=self._check_extra,
        )
        self.batches = Batches(
            source,
            batch_size=config.batch_size,
            draws=config.d_steps,
            seed=config.seed,
            flip=config.flip,
        )
        self.previews = Previews(config, source, self.gan)
        self.profile = Profile(config, run, enabled=workers.chief)
        self._run_steps = make_run_steps(
            self.gan,
            strategy,
            jit_compile=jit_compile,
            stop_at_bad=config.precision != "float16",
        )

    def train(self) -> int:
        """Trains to the end; returns the process's exit status (README lists them)."""
        self._resume()
        config = self.config
        if self.step >= config.steps:
            return self._finish_again()
        tasks = [
            Task(config.log_every, self._log),
            Task(config.sample_every, self._sample),
            Task(config.watch_every, self._watch),
            Task(config.evaluate_every, self._evaluate),
            Task(config.checkpoint_every, self._checkpoint),
        ]
        start = self.step
        data = iter(self.batches.distribute(self.strategy, start))
        bar, pace = live_bar(start, config.steps), Pace()
        with Interruption() as interruption, contextlib.closing(self.profile), bar:
            if not bar.disable:
                self.run.echo = bar.write
            stop = self.workers.stopping(interruption.signal)
            while self.step < config.steps and not stop and not self._gives_up:
                before = self.step
                self.profile.before(before)
                stop_at = next_stop(before, config, tasks, self.profile.stops)
                self._take_steps(data, stop_at - before, pace)
                self.profile.after(self.step)
                if before == start:
                    self._say_under_way(before)
                for task in tasks:
                    if task.every and self.step // task.every > before // task.every:
                        task.action()
                bar.update(self.step - before)
                stop = self.workers.stopping(interruption.signal)
            if self._saved_step != self.step:
                self._checkpoint()
            return self._end(stop)

    def _resume(self) -> None:
        """Goes to the newest sound checkpoint, or to step 0."""
        self.checkpoints.clear_leftovers()
        found, notices = self.checkpoints.newest()
        goes_on = not found or found.step < self.config.steps
        if goes_on:
            self.run.truncate(found.extra["sizes"] if found else {})
        data, writes = self.source.description, self.workers.chief and goes_on
        self.summaries = Summaries(self.run.tensorboard, data, enabled=writes)
        self._say_what_runs(found, notices)
        self.clock, self.window = Clock(), Window(names=self.gan.measured)
        extra = found.extra if found else {}
        shown = (self.run, self.summaries)
        self.watcher = Watcher(self.config, self.previews, *shown, extra.get("watch"))
        self._best, self.evaluator = extra.get("best"), None
        if self.workers.chief and evaluation_due(self.config, found.step if found else 0):
            self.evaluator = Evaluator(self.config, self.gan, self.source, *shown, self._best)
            self.evaluator.prepare()
        if found:
            self.checkpoints.restore(found, self.state)
            self.clock = Clock(found.extra["seconds"])
            self.window = Window(**fields_of(Window, found.extra["window"]))
            self.run.log(f"resumed at step {found.step:,} from {found.path.name}")
        elif self.config.init_from and self.workers.chief:
            self.run.log(take_weights(local(self.config.init_from), self.gan, self.source.classes))
        shown = (self.source, self.batches, *shown)
        self.dashboard = Dashboard(self.config, self.gan, self.strategy, *shown)
        if goes_on:
            self.watcher.tell()
            if not extra.get("dashboard"):  # new, or begun before there was one
                self.dashboard.begin(self._origins, self._best)
        self.workers.share(self.gan.state_variables())
        self.window = self.window.unpack(self.workers.share_numbers(self.window.pack()))
        self.step = self._saved_step = int(self.gan.step.numpy())
        self._gives_up = self._must_give_up()
        if self.step == 0:
            self.run.log(f"training from step 0 in {self.run.path}")
            if self.workers.chief:
                image_grid.save_png(self.run.path / "reals.png", self.previews.reals())
            self._sample()
        self.clock.rate(self.step)

    def _say_what_runs(self, found: Found | None, notices: list[str]) -> None:
        self.run.log(describe_machine(self.strategy))
        slow = slow_precision(self.config.precision, self.strategy)
        for notice in (*notices, *self.source.notices, *([slow] if slow else [])):
            self.run.log(notice)
        if not found:
            self.run.log(describe_changed(self.config, self._origins))

    def _take_steps(self, data: tf.distribute.DistributedIterator, count: int, pace: Pace) -> None:
        """Runs up to `count` steps, as the pace has it; stops the run if one went bad."""
        # Workers must take as many steps as one another.
        piece = min(count, int(self.workers.share_numbers([pace.steps])[0]))
        begun = time.monotonic()
        so_far = tf.constant(self.window.call, tf.float64)
        result = self._run_steps(data, tf.constant(piece, tf.int64), so_far)
        sums, last, done, bad, bad_at_end = (value.numpy() for value in result)
        pace.note(piece, time.monotonic() - begun)
        self.step += int(done)
        ends = piece == count
        for window in (self.window, self.watcher.window):
            window.add(sums, int(done), int(bad), int(bad_at_end), ends=ends)
        patience = _FLOAT16_PATIENCE if self.config.precision == "float16" else 0
        # Patience is counted where calls end, since where pieces end is a matter of time.
        if self.window.bad_in_a_row > patience and (ends or not patience):
            self._diverged(last)

    def _say_under_way(self, start: int) -> None:
        """Tells of the first call: on a slow machine the first line of progress is far off."""
        if self.step % self.config.log_every and self.step < self.config.steps:
            took = self.clock.since_mark()
            self.run.log(under_way_line(start, self.step, took, self.config.log_every))

    def _log(self) -> None:
        means = self.window.means()
        self.window = Window(bad_in_a_row=self.window.bad_in_a_row, names=self.gan.measured)
        rate = self.clock.rate(self.step)
        images = rate * self.config.batch_size
        self.run.stats({"step": self.step, **means})
        seconds = round(self.clock.seconds, 3)
        self.run.timing(
            {"step": self.step, "seconds": seconds, "images_per_second": round(images, 2)}
        )
        curves = {CURVES[name]: value for name, value in means.items() if value is not None}
        if images:
            curves["speed/images per second"] = images
        self.summaries.scalars(self.step, curves)
        self.dashboard.log(self.step)
        self.run.log(progress_line(self.step, self.config, means, rate))
        self._log_news()

    def _log_news(self) -> None:
        """Keeps in `log.txt` what reading the data has met, such as damaged pictures."""
        for line in self.source.news():
            self.run.log(line)

    def _sample(self) -> None:
        if self.workers.chief:
            self.previews.save(self.run.samples, self.step, self.summaries)

    def _watch(self) -> None:
        if self.workers.chief:
            self.watcher.look(self.step)
        self._gives_up = self._must_give_up()

    def _must_give_up(self) -> bool:
        """Whether the run ends because it has collapsed: the chief's word for all workers."""
        if not self.config.stop_on_collapse:
            return False
        return bool(self.workers.share_numbers([float(self.watcher.collapsed)])[0])

    def _evaluate(self) -> None:
        if self.evaluator:
            self.evaluator.evaluate(self.step, self.state, self._extra)
            self.clock.rate(self.step)  # the speed is that of training alone

    def _extra(self) -> dict[str, Any]:
        """What a checkpoint keeps beside the networks."""
        self.summaries.flush()
        return {
            "seconds": self.clock.seconds,
            "window": dataclasses.asdict(self.window),
            "watch": self.watcher.memory(),
            "best": self.evaluator.best if self.evaluator else self._best,
            "dashboard": True,
            "sizes": self.run.sizes(),
        }

    def _check_extra(self, extra: dict[str, Any]) -> None:
        """Refuses what `_extra` never gave."""
        check_form(extra, _EXTRA_FORM)
        for keeper in (extra, extra.get("watch")):
            window = Window(**fields_of(Window, keeper["window"])) if keeper else None
            if window and (window.names, len(window.sums)) != (
                self.gan.measured,
                len(self.gan.measured),
            ):
                raise ValueError("window: of other metrics than this run's")

    def _checkpoint(self) -> None:
        self._log_news()
        self.checkpoints.save(self.step, self.state, self._extra(), self.watcher.last_good())
        self._saved_step = self.step
        self.dashboard.checkpoint()
        self.watcher.tell()

    def _end(self, stop: signal.Signals | None) -> int:
        self.profile.close()
        gives_up = self._gives_up and stop is None and self.step < self.config.steps
        self.dashboard.end(self.step, failed=gives_up, stopped=stop is not None)
        if gives_up:
            self._export_once()
            self.run.log(
                f"ended at step {self.step:,} by --stop_on_collapse: {self.watcher.verdict()}; "
                "--nostop_on_collapse goes on all the same"
            )
            return EXIT_COLLAPSED
        if stop in (None, signal.SIGINT):
            self._export()
        if stop is None:
            if self.watcher.collapsed:
                self.run.log(self.watcher.verdict())
            self.run.log(f"finished {self.step:,} steps in {spell(self.clock.seconds)}")
            self.run.log(next_steps(self.config, self.source.classes, self.run.path))
            return 0
        self.run.log(
            f"stopped by {stop.name}{_REASONS.get(stop.name, '')} at step {self.step:,}, "
            f"{'checkpoint written' if self.step else 'nothing trained yet'}; "
            f"resume with the same command and --run_dir={self.run.path}"
        )
        return exit_status(stop)

    def _finish_again(self) -> int:
        self.run.log(
            f"this run is finished: {self.step:,} of {self.config.steps:,} steps are done; "
            "give more --steps to go on"
        )
        self.summaries.close()
        self._export_once()
        return 0

    def _export_once(self) -> None:
        if export_step(self.run.export) != self.step:  # killed after its last checkpoint, say
            self._export()

    def _export(self) -> None:
        from lsgan_tf.exporting.savedmodel import write_saved_model

        if not self.workers.chief:
            return
        path = write_saved_model(
            self.run.export, self.config, self.gan, self.source.classes, self.step, self.run.path
        )
        self.run.log(f"SavedModel of step {self.step:,} in {path}")

    def _diverged(self, last: np.ndarray) -> None:
        from lsgan_tf.monitoring.nonfinite import diagnose

        self.profile.close()
        self.dashboard.end(self.step, failed=True)
        data = self.batches.slice(self.step - 1, 0, 1)
        found = diagnose(self.config, self.gan, self.step, last, *data)
        kept, _ = self.checkpoints.newest()
        good = f"{kept.path} is the last good checkpoint" if kept else "no checkpoint was written"
        message = (
            f"{found}; {good}; begin a new run with a smaller --learning_rate, --clip_norm or "
            "--precision=float32 (--init_from takes the weights of this one)"
        )
        self.run.note(f"diverged: {message}")
        raise DivergedError(message)


@dataclasses.dataclass
class Task:
    """Something done whenever the step has crossed a multiple of `every` (0: never)."""

    every: int
    action: Callable[[], None]


def next_stop(step: int, config: Config, tasks: Sequence[Task], others: Sequence[int] = ()) -> int:
    """The step at which the next call ends.

    A function of the step alone, so that a resumed run makes the same calls: the
    nearest multiple of `steps_per_call` or of a task's interval, one of `others`, or the
    run's end.
    """
    multiples = [config.steps_per_call, *(task.every for task in tasks if task.every)]
    stops = [(step // every + 1) * every for every in multiples]
    return min(config.steps, *stops, *(other for other in others if other > step))
