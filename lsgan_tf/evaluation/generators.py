"""Generators to evaluate: checkpoints of a run, or a SavedModel."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from lsgan_tf.config import Config
from lsgan_tf.errors import UserError
from lsgan_tf.metrics.generated import Batch, Draws, draws_of_saved_model
from lsgan_tf.noise import check_truncation
from lsgan_tf.run_dir import restore as restoring
from lsgan_tf.run_dir.checkpoints import check, find, read
from lsgan_tf.sampling.sampler import Sampler
from lsgan_tf.sampling.training_data import config_of

RAW, EMA = "raw", "ema"


class Candidate(NamedTuple):
    """A generator to evaluate.

    Attributes:
      step: training step.
      weights: "raw" or "ema".
      where: the checkpoint or SavedModel.
      draw: `(count, seed)` -> batches of samples; see `Draws.batches`.
    """

    step: int
    weights: str
    where: str
    draw: Callable[[int, int], Iterator[Batch]]


class Candidates(NamedTuple):
    """The generators of a run.

    Attributes:
      config: the config of the run, with the dataset's metadata.
      classes: names in label order; empty if unconditional.
      each: the generators. They may share one network: use each before advancing the iterator.
      truncation: limit of the noise; None for none.
    """

    config: Config
    classes: list[str]
    each: Iterator[Candidate]
    truncation: float | None


def of_run(
    run_dir: Path,
    checkpoint: str,
    weights: str | None,
    *,
    truncation: float | None = None,
    log: Callable[[str], None] = print,
) -> Candidates:
    """Open checkpoints of a run.

    Args:
      run_dir: the run folder.
      checkpoint: "newest", "best", "all" (including the best), or a step.
      weights: "raw", "ema", "both", or None for "ema" if the run has EMA weights, else "raw".
      truncation: limit of the noise, see `lsgan_tf.noise.truncated`; None for none.
      log: called with each line of output.

    Raises:
      UserError: if there is no such checkpoint, EMA weights are requested and there are none, or
        the truncation is out of range.
    """
    best = find(Path(run_dir) / "best")
    if checkpoint == "best" and not best:
        raise UserError(
            f"--checkpoint=best: {run_dir} has no best checkpoint; train with --evaluate_every, "
            "or use --checkpoint=all"
        )
    step: int | None
    if checkpoint == "best":
        step = best[0][0]
    else:
        step = None if checkpoint in ("newest", "all") else _step(checkpoint)
    # Builds the networks; raises if the run does not have the checkpoint.
    config, gan, classes, step = restoring.restore_run(run_dir, step, log=log)
    by_step = dict(best)
    if checkpoint != "best":
        by_step |= dict(find(Path(run_dir) / "checkpoints"))
    paths = [one for one in sorted(by_step.items()) if checkpoint == "all" or one[0] == step]
    networks = {RAW: gan.generator, EMA: gan.average}
    kinds = _kinds(weights, gan.average is not None, run_dir)
    check_truncation(truncation, config.z_distribution)
    draws = {kind: Draws(networks[kind], config, truncation) for kind in kinds}

    def each() -> Iterator[Candidate]:
        for at, path in paths:
            try:
                check(path)
            except UserError as error:
                log(f"{error}; left out")
                continue
            read(path, restoring.weights(gan), partial=True)
            for name, drawing in draws.items():
                yield Candidate(at, name, str(path), drawing.batches)

    return Candidates(config, classes, each(), truncation)


def of_saved_model(
    path: Path, weights: str | None, *, truncation: float | None = None
) -> Candidates:
    """Open a SavedModel written by `lsgan_tf.export` or at the end of a run; see `of_run`.

    Raises:
      UserError: if it is not one, EMA weights are requested and there are none, or the truncation
        is out of range.
    """
    first = Sampler(path, RAW)
    config = config_of(first.config, Path(path))
    kinds = _kinds(weights, config.ema_decay > 0, path)
    check_truncation(truncation, config.z_distribution)

    def each() -> Iterator[Candidate]:
        for name in kinds:
            sampler = first if name == RAW else Sampler(path, name)
            draw = functools.partial(draws_of_saved_model, sampler, truncation=truncation)
            yield Candidate(sampler.step, name, str(path), draw)

    return Candidates(config, first.classes, each(), truncation)


def _kinds(weights: str | None, averaged: bool, where: Path) -> tuple[str, ...]:
    """Return the requested kinds of weights; by default EMA weights if there are any."""
    if weights in (EMA, "both") and not averaged:
        raise UserError(
            f"--weights: {where} has no EMA weights (it was trained with --ema_decay=0); use "
            "--weights=raw"
        )
    return (RAW, EMA) if weights == "both" else (weights or (EMA if averaged else RAW),)


def _step(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise UserError(f"--checkpoint={text}: expected newest, all, best, or a step: 1000")
    return int(text)
