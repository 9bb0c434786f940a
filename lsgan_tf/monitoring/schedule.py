"""Schedule of periodic actions and of the ends of calls."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from lsgan_tf.config import Config


@dataclasses.dataclass
class Task:
    """A periodic action on a step, due at multiples of `every` steps (0: never)."""

    every: int
    action: Callable[[int], None]

    def run_if_due(self, before: int, step: int) -> None:
        """Run the action if a multiple of `every` lies in `(before, step]`."""
        if self.every and step // self.every > before // self.every:
            self.action(step)


def next_stop(step: int, config: Config, tasks: Sequence[Task], others: Sequence[int] = ()) -> int:
    """Return the step at which the next call ends.

    This is the nearest multiple of `steps_per_call` or of a task's interval, step in `others`,
    or end of the run. It depends on `step` alone, so that a resumed run makes the same calls.
    """
    multiples = [config.steps_per_call, *(task.every for task in tasks if task.every)]
    stops = [(step // every + 1) * every for every in multiples]
    return min(config.steps, *stops, *(other for other in others if other > step))
