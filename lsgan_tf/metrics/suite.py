"""Computes several metrics on the same samples, and on real examples as a reference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from lsgan_tf.config import Config
from lsgan_tf.data.source import Source
from lsgan_tf.data.synthetic.mixture import Ring
from lsgan_tf.errors import UserError
from lsgan_tf.metrics import ocr
from lsgan_tf.metrics.features import (
    REAL_SEED,
    Collector,
    Extractor,
    real_features,
)
from lsgan_tf.metrics.from_features import FEATURE_METRICS, FeatureSets, reading
from lsgan_tf.metrics.generated import Batch
from lsgan_tf.metrics.judge.classifier import Reading
from lsgan_tf.metrics.judge.training import Recipe, default_recipe
from lsgan_tf.metrics.mixture import modes
from lsgan_tf.metrics.pixels import Pixels
from lsgan_tf.metrics.protocol import extractor_metadata, parameters
from lsgan_tf.metrics.real import Splits, open_splits
from lsgan_tf.metrics.registry import METRICS, extractor_of, keys_of
from lsgan_tf.metrics.requirements import (
    MOST_BY_DEFAULT,
    check_counts,
    check_dims,
    check_metrics,
    default_samples,
)
from lsgan_tf.util.paths import optional
from lsgan_tf.util.progress import Progress


def open_suite(
    names: Sequence[str],
    config: Config,
    *,
    train: Source | None = None,
    samples: int | None = None,
    reals: int | None = None,
    split: str = "train",
    seed: int = 0,
    inception: Path | None = None,
    judge_steps: int | None = None,
    log: Callable[[str], None] = print,
) -> Suite:
    """Open the data for metrics and check their requirements.

    Args:
      names: keys of `METRICS`.
      config: the config of the run, with the dataset's metadata.
      train: the training examples of the run, if already open.
      samples: number of samples; `lsgan_tf.metrics.requirements.default_samples` by default.
      reals: number of real examples that they are compared with; by default the number of samples,
        or all if there are fewer.
      split: split of these real examples: "train" or "test".
      seed: seed of the samples' noise and of random subsets.
      inception: file of the Inception graph; None for the cached one, downloaded if missing.
      judge_steps: training steps of judges; None for the default of the data.
      log: called with each line of output.

    Raises:
      UserError: if a metric does not apply to the run, or data is insufficient or missing.
    """
    check_metrics(names, config)
    splits = open_splits(config, train)
    if "ocr" in names:
        ocr.check_classes(splits.train.classes, config.data_dir or config.dataset)
        ocr.find_model()  # raises now rather than after minutes of other metrics
    if samples is None:
        samples = default_samples(names, splits)
    reference = splits.of(split)
    if reals is not None and reals > len(reference):
        raise UserError(
            f"--reals={reals}: the {split} split has {len(reference):,} real examples; use at most "
            "that many, or another --split"
        )
    reals = min(samples, len(reference)) if reals is None else reals
    check_counts(names, min(samples, reals, len(splits.train), len(splits.test)))
    if "diversity" in names and samples < 2 * config.data_classes:
        raise UserError(
            f"--metrics=diversity: requires two samples per class, there are {samples:,} for "
            f"{config.data_classes:,} classes; use --samples={2 * config.data_classes} or more"
        )
    suite = Suite(names, config, splits, samples=samples, reals=reals, split=split, seed=seed)
    suite.inception, suite.log = inception, log
    if judge_steps is not None:
        suite.recipe = default_recipe(splits.train, steps=judge_steps)
    return suite


class Suite:
    """A set of metrics that can be computed repeatedly; created by `open_suite`.

    Attributes:
      names: names of the metrics.
      keys: names of their values, in order.
      samples: number of examples that `measure` expects.
      seed: seed of the noise of the samples.
      protocol: JSON-serialisable description of the evaluation; complete after `prepare`.
      classes: class names in label order.
      reading: the judge's predictions for the last samples, after `measure` with "judge".
      weights_of_modes: fraction of the last points at each mode, after `measure` with "mixture".
      inception: file of the Inception graph; None for the cache.
      recipe: training settings of judges; None for the default.
      log: called with each line of output.
    """

    def __init__(
        self,
        names: Sequence[str],
        config: Config,
        splits: Splits,
        *,
        samples: int,
        reals: int,
        split: str,
        seed: int,
    ) -> None:
        self.names, self.keys = tuple(names), keys_of(names)
        self.samples, self.seed, self.classes = samples, seed, splits.train.classes
        self.inception: Path | None = None
        self.recipe: Recipe | None = None
        self.log: Callable[[str], None] = print
        self._splits, self._reals = splits, reals
        self._reference = splits.of(split)
        # Real examples in place of samples are those of the other split.
        self._others = splits.of("test" if split == "train" else "train")
        self._others_count = min(len(self._others), samples)
        self._cache = optional(config.cache_dir)
        self._extractors: dict[str, Extractor] = {}
        self._prepared = False
        self._real: dict[str, FeatureSets] = {}
        self.reading: Reading | None = None
        self.weights_of_modes: list[float] | None = None
        self.protocol: dict[str, Any] = {
            "samples": samples,
            "seed": seed,
            "labels": "the classes in turn" if config.conditional else "none",
            "split": split,
            "real": {
                "description": self._reference.description,
                "fingerprint": self._reference.fingerprint,
                "count": reals,
                "seed": REAL_SEED,
            },
            "real in the place of samples": {
                "description": self._others.description,
                "count": self._others_count,
            },
            "held_out": splits.held_out,
            "tensorflow": tf.__version__,
        }

    def prepare(self) -> None:
        """Create or load the extractors and the features of real examples; may take minutes.

        Raises:
          UserError: if the Inception graph is not available, there are too few examples for a
            metric, or the cache cannot be written.
        """
        if self._prepared:
            return
        wanted = {kind for name in self.names if (kind := METRICS[name].extractor)}
        extractors = {kind: self._make(kind) for kind in sorted(wanted)}
        check_dims(self.names, extractors, self.samples, self._reals)
        held_out = min(len(self._splits.test), MOST_BY_DEFAULT)
        for kind, extractor in extractors.items():
            if kind == "ocr":
                # OCR is slow, and only held-out examples are needed.
                found = real_features(extractor, self._splits.test, held_out, self._cache)
                self._real[kind] = FeatureSets(found, found, found, self.seed)
                continue
            self._real[kind] = FeatureSets(
                own=real_features(extractor, self._others, self._others_count, self._cache),
                reference=real_features(extractor, self._reference, self._reals, self._cache),
                held_out=real_features(extractor, self._splits.test, held_out, self._cache),
                seed=self.seed,
            )
        self._extractors, self._prepared = extractors, True
        self.protocol["extractors"] = extractor_metadata(extractors)
        self.protocol["parameters"] = parameters(self.samples, self._reals)

    def measure(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Compute all metrics of samples.

        Args:
          batches: uint8 images or float32 points with their requested labels, or None; `samples`
            examples in total.

        Returns:
          A number for each of `keys`. Also sets `reading` and `weights_of_modes`.

        Raises:
          UserError: see `prepare`.
          ValueError: if there are more or fewer examples.
        """
        self.prepare()
        kinds = list(self._extractors)
        collector = Collector(list(self._extractors.values()))
        kept: list[Batch] = []
        count = 0
        with Progress("measuring samples", total=self.samples, unit="samples") as progress:
            for examples, labels in batches:
                collector.add(examples, labels)
                if {"usefulness", "mixture"} & set(self.names):
                    kept.append((examples, labels))
                count += len(examples)
                progress.add(len(examples))
        if count != self.samples:
            raise ValueError(f"expected {self.samples} samples, as in the protocol; got {count}")
        sets = {
            kind: self._real[kind]._replace(own=own)
            for kind, own in zip(kinds, collector.features(), strict=True)
        }
        return self._compute(sets, kept)

    def real(self) -> dict[str, float]:
        """Compute all metrics of real examples in place of samples.

        Distances are between the other split and the one that samples are compared with; the
        judge's accuracy and diversity are those of held-out examples. A Fréchet distance is NaN if
        the other split has too few examples for its covariance.
        """
        self.prepare()
        reading_before = self.reading
        values = self._compute(dict(self._real), [], real=True)
        self.reading = reading_before
        return values

    def _make(self, kind: str) -> Extractor:
        if kind == "inception":
            from lsgan_tf.metrics.inception.network import open_inception

            return open_inception(self.inception, self._cache, log=self.log)
        if kind == "pixels":
            return Pixels()
        if kind == "ocr":
            return ocr.Readings(ocr.open_reader(), self.classes)
        from lsgan_tf.metrics.judge.cache import judge_of

        return judge_of(self._splits, self._cache, recipe=self.recipe, log=self.log)

    def _compute(
        self, sets: dict[str, FeatureSets], kept: list[Batch], *, real: bool = False
    ) -> dict[str, float]:
        values: list[float] = []
        for name in self.names:
            if name == "mixture":
                values += self._modes(kept, real)
            elif name == "usefulness":
                values += self._usefulness(kept, real)
            else:
                of = sets[extractor_of(name)]
                if real and METRICS[name].needs_labels:
                    of = of._replace(own=of.held_out)
                values += FEATURE_METRICS[name](of)
                if name == "judge":
                    self.reading = reading(of.own, self.classes)
        return {key: float(value) for key, value in zip(self.keys, values, strict=True)}

    def _modes(self, kept: list[Batch], real: bool) -> list[float]:
        ring = self._splits.train
        assert isinstance(ring, Ring)  # ensured by `check_metrics`
        points = (
            ring.read(np.arange(self.samples))
            if real
            else np.concatenate([points for points, _ in kept])
        )
        found = modes(points, ring.means, ring.deviation, ring.weights)
        if not real:
            self.weights_of_modes = [round(float(weight), 6) for weight in found.weights]
        return [found.overlap, found.found, found.touched, found.within_3std, found.kl]

    def _usefulness(self, kept: list[Batch], real: bool) -> list[float]:
        if real:
            top1 = self._extractors["judge"].metadata["top1"]
            return [top1, top1]
        from lsgan_tf.metrics.judge.usefulness import usefulness

        return usefulness(self._splits, kept, self.recipe)
