"""When calls end and periodic actions are due."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from lsgan_tf.config import Config


@dataclasses.dataclass
class Task:
    """An action due whenever the step crosses a multiple of `every` (0: never)."""

    every: int
    action: Callable[[], None]

    def run_if_due(self, before: int, step: int) -> None:
        """Runs the action if a multiple of `every` lies in `(before, step]`."""
        if self.every and step // self.every > before // self.every:
            self.action()


def next_stop(step: int, config: Config, tasks: Sequence[Task], others: Sequence[int] = ()) -> int:
    """Returns the step at which the next call ends.

    It depends on the step alone, so that a resumed run makes the same calls: the
    nearest multiple of `steps_per_call` or of a task's interval, one of `others`, or the
    run's end.
    """
    multiples = [config.steps_per_call, *(task.every for task in tasks if task.every)]
    stops = [(step // every + 1) * every for every in multiples]
    return min(config.steps, *stops, *(other for other in others if other > step))
