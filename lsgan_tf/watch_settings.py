"""The settings of what watches over a run while it trains; none changes what is learnt."""

from __future__ import annotations

import dataclasses
import functools

from lsgan_tf.settings.field import setting

_watch = functools.partial(setting, "watching", free=True)


@dataclasses.dataclass(frozen=True)
class WatchSettings:
    """The part of `lsgan_tf.config.Config` that is about watching."""

    watch_every: int = _watch(
        200, "time between looks of the collapse alarm; 0: no alarm", "steps", 0, 10**9
    )
    stop_on_collapse: bool = _watch(
        False, "end the run, with exit status 5, when it has probably collapsed"
    )
    evaluate_every: int = _watch(
        0, "time between evaluations of the samples' quality; 0: none", "steps", 0, 10**9
    )
    metrics: str | None = _watch(
        None,
        "measures to take, with commas between; python -m lsgan_tf.evaluate --help names them",
        optional=str,
        unset="what fits the dataset",
    )
    best_metric: str | None = _watch(
        None,
        "figure by which best/ keeps the best checkpoint",
        optional=str,
        unset="the first that is measured",
    )
    evaluate_samples: int | None = _watch(
        None,
        "how many samples to measure",
        "samples",
        1,
        10**7,
        optional=int,
        unset="as many as held-out examples, at most 10,000, or what the measures need",
    )
    profile_steps: str | None = _watch(
        None,
        "first and last step of a profile for TensorBoard, such as 100,110",
        optional=str,
    )
    inception: str | None = _watch(
        None,
        "file of the Inception graph, for the measures that need it",
        optional=str,
        unset="fetched into the cache",
    )
