"""Profiles of training steps for TensorBoard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsgan_tf.settings.checks import parse_profile_steps

if TYPE_CHECKING:
    from lsgan_tf.config import Config
    from lsgan_tf.run_dir.folder import RunFolder


class Profile:
    """Profiles the calls that train the requested steps.

    Calls have to end where the profile begins and ends (`stops`); between, they are as
    long as ever, so that what is seen is what happens. A run that goes on from within the
    steps profiles the rest of them, and one that goes on from after them nothing.

    Args:
      config: says which steps.
      run: its folder; the traces go to `plugins/profile` in TensorBoard's.
      enabled: whether this process writes files.

    Attributes:
      stops: steps at which a call has to end.
    """

    def __init__(self, config: Config, run: RunFolder, *, enabled: bool) -> None:
        steps = parse_profile_steps(config.profile_steps, config.steps)
        self.stops = (steps.first - 1, steps.last) if steps else ()
        self._steps = steps if enabled else None
        self._run = run
        self._begun: int | None = None
        self._seen = 0

    def before(self, step: int) -> None:
        """Starts the profile if it covers the call that starts at `step`."""
        if not self._steps or self._begun is not None:
            return
        if self._steps.first - 1 <= step < self._steps.last:
            import tensorflow as tf

            tf.profiler.experimental.start(str(self._run.tensorboard))
            self._begun = self._seen = step

    def after(self, step: int) -> None:
        """Stops the profile if the call that ended at `step` was its last."""
        self._seen = step
        if self._steps and self._begun is not None and step >= self._steps.last:
            self.close()

    def close(self) -> None:
        """Stops and writes the profile, if one is running."""
        if self._begun is None:
            return
        import tensorflow as tf

        from lsgan_tf.util.files import explained
        from lsgan_tf.util.tensorflow_errors import disk_errors

        first, self._begun = self._begun + 1, None
        folder = self._run.tensorboard
        with explained(folder, "writing the profile"), disk_errors():
            tf.profiler.experimental.stop()
        where = folder / "plugins" / "profile"
        self._run.log(f"profile of steps {first:,} to {self._seen:,} in {where}")
