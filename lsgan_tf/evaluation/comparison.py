"""Comparison of two sets of image files, without a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from lsgan_tf._version import __version__
from lsgan_tf.errors import UserError
from lsgan_tf.evaluation.image_sets import ImageSet, open_image_set
from lsgan_tf.metrics.features import REAL_SEED, Extractor, features_of, real_features
from lsgan_tf.metrics.from_features import FEATURE_METRICS, FeatureSets
from lsgan_tf.metrics.inception.network import open_inception
from lsgan_tf.metrics.pixels import Pixels
from lsgan_tf.metrics.protocol import extractor_metadata, parameters
from lsgan_tf.metrics.real import batches
from lsgan_tf.metrics.registry import BETTER, METRICS, extractor_of, for_json, keys_of
from lsgan_tf.metrics.requirements import check_counts, check_dim
from lsgan_tf.util.files import explained, write_json

_OF_INCEPTION = ("is", "fid", "kid", "prdc")
_OF_PIXELS = ("pixel_kid", "pixel_prdc")


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of a comparison: flags of `lsgan_tf.evaluate`."""

    image_size: int | None = None
    samples: int | None = None
    reals: int | None = None
    seed: int = 0
    inception: Path | None = None
    cache_dir: Path | None = None


def check_names(names: Sequence[str]) -> None:
    """Check that metrics apply to unlabelled images.

    Raises:
      UserError: listing the metrics that do.
    """
    for name in names:
        if name not in (*_OF_INCEPTION, *_OF_PIXELS):
            raise UserError(
                f"--metrics={name}: needs a run; folders of images have "
                f"{', '.join((*_OF_INCEPTION, *_OF_PIXELS))}"
            )


def compare(
    samples_dir: Path,
    reals_dir: Path,
    names: Sequence[str] | None,
    options: Options,
    out: Path,
    *,
    command: Sequence[str] = (),
    log: Callable[[str], None] = print,
) -> str:
    """Compare two sets of images and write the result as JSON.

    Args:
      samples_dir: folder or `.npz` file of generated images.
      reals_dir: folder or `.npz` file of real images.
      names: names of the metrics; None for "fid", "kid" and "prdc", or pixel metrics without the
        Inception graph.
      options: options of the comparison.
      out: JSON file to write, replaced if it exists.
      command: the command line, recorded in the file.
      log: called with each line of output.

    Returns:
      The table.

    Raises:
      UserError: if a set cannot be read, the sizes differ, or a metric cannot be computed.
    """
    check_names(names or ())
    samples, reals = (
        open_image_set(path, flag, options.image_size)
        for path, flag in ((samples_dir, "samples_dir"), (reals_dir, "reals_dir"))
    )
    for line in (*samples.warnings, *reals.warnings):
        log(line)
    if samples.shape != reals.shape:
        raise UserError(
            f"--samples_dir has {samples.description}, --reals_dir {reals.description}: expected "
            "one size; use --image_size=N to resize all to N x N"
        )
    counts = _count(samples, "samples", options.samples), _count(reals, "reals", options.reals)
    names, extractors = _extractors(names, min(counts), options, log)
    check_counts(names, min(counts))
    for name in names:
        if FEATURE_METRICS[name] is FEATURE_METRICS["fid"]:
            check_dim(name, extractors[extractor_of(name)], *counts)
    sets = {
        kind: _feature_sets(extractor, samples, reals, counts, options)
        for kind, extractor in extractors.items()
    }
    values = [value for name in names for value in FEATURE_METRICS[name](sets[extractor_of(name)])]
    keys = keys_of(names)
    metrics = for_json({key: float(value) for key, value in zip(keys, values, strict=True)})
    report = {
        "lsgan_tf": __version__,
        "command": list(command),
        "protocol": {
            "samples": counts[0],
            "seed": options.seed,
            "sampled": _metadata(samples),
            "real": {**_metadata(reals), "count": counts[1], "seed": REAL_SEED},
            "tensorflow": tf.__version__,
            "extractors": extractor_metadata(extractors),
            "parameters": parameters(*counts),
        },
        "results": [{"where": str(samples_dir), "figures": metrics}],
    }
    with explained(out, "writing the evaluation"):
        write_json(out, report)
    return _table(report)


def _count(images: ImageSet, flag: str, requested: int | None) -> int:
    if requested is not None and requested > len(images):
        raise UserError(
            f"--{flag}={requested}: there are {images.description}; use at most that many"
        )
    return len(images) if requested is None else requested


def _extractors(
    names: Sequence[str] | None, fewest: int, options: Options, log: Callable[[str], None]
) -> tuple[tuple[str, ...], dict[str, Extractor]]:
    """Return the metrics, by default those available, and their extractors."""
    kinds = {METRICS[name].extractor for name in names or _OF_INCEPTION}
    found: dict[str, Extractor] = {"pixels": Pixels()} if "pixels" in kinds else {}
    if "inception" in kinds:
        try:
            found["inception"] = open_inception(options.inception, options.cache_dir, log=log)
        except UserError as error:
            instead = ",".join(_OF_PIXELS)
            if names or options.inception:
                raise UserError(
                    f"{error}; or use --metrics={instead}, which need no graph"
                ) from error
            log(f"note: no FID, KID, precision and recall: {error}")
            log(f"note: {instead} are pixel metrics, comparable only with one another")
            return _OF_PIXELS, {"pixels": Pixels()}
    if names is None:
        enough = fewest > found["inception"].dim
        names = ("fid", "kid", "prdc") if enough else ("kid", "prdc")
        if not enough:
            log(
                f"note: no FID: its covariance requires more than {found['inception'].dim:,} "
                f"images of either kind, there are {fewest:,}"
            )
    return tuple(names), found


def _feature_sets(
    extractor: Extractor,
    samples: ImageSet,
    reals: ImageSet,
    counts: tuple[int, int],
    options: Options,
) -> FeatureSets:
    own = features_of(
        extractor,
        batches(samples, counts[0], options.seed),
        count=counts[0],
        label=f"features of {samples.path.name}",
    )
    real = real_features(extractor, reals, counts[1], options.cache_dir)
    return FeatureSets(own, real, real, options.seed)


def _metadata(images: ImageSet) -> dict[str, Any]:
    return {"description": images.description, "fingerprint": images.fingerprint}


def _table(report: dict[str, Any]) -> str:
    (result,), protocol = report["results"], report["protocol"]
    rows = [
        (key, BETTER.get(key, ""), "-" if value is None else f"{value:.4g}")
        for key, value in result["figures"].items()
    ]
    rows.insert(0, ("", "better", "value"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    lines.append(f"{protocol['samples']:,} of {protocol['sampled']['description']}")
    lines.append(f"versus {protocol['real']['count']:,} of {protocol['real']['description']}")
    for extractor in protocol["extractors"].values():
        lines.append(f"extractor: {extractor['name']}; resizing: {extractor['resizer']}")
    return "\n".join(lines)
