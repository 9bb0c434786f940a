"""Profiles of training steps for TensorBoard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsgan_tf.settings.checks import parse_profile_steps

if TYPE_CHECKING:
    from lsgan_tf.config import Config
    from lsgan_tf.run_dir.folder import RunFolder


class Profile:
    """Profile of the requested training steps.

    Calls must end where the profile begins and ends (`stops`); in between they have their usual
    length, so that the profile is representative. A run resumed within the steps profiles the
    rest of them; one resumed after them profiles nothing.

    Args:
      config: config of the run, including the steps.
      run: run folder; traces are written to `plugins/profile` in its TensorBoard folder.
      enabled: whether this process writes files.

    Attributes:
      stops: steps at which a call must end.
    """

    def __init__(self, config: Config, run: RunFolder, *, enabled: bool) -> None:
        steps = parse_profile_steps(config.profile_steps, config.steps)
        self.stops = (steps.first - 1, steps.last) if steps else ()
        self._steps = steps if enabled else None
        self._run = run
        self._begun: int | None = None
        self._seen = 0

    def before(self, step: int) -> None:
        """Start the profile if it includes the call that starts at `step`."""
        if not self._steps or self._begun is not None:
            return
        if self._steps.first - 1 <= step < self._steps.last:
            import tensorflow as tf

            tf.profiler.experimental.start(str(self._run.tensorboard))
            self._begun = self._seen = step

    def after(self, step: int) -> None:
        """Stop the profile if the call that ended at `step` was its last."""
        self._seen = step
        if self._steps and self._begun is not None and step >= self._steps.last:
            self.close()

    def close(self) -> None:
        """Stop and write the profile, if one is running."""
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
