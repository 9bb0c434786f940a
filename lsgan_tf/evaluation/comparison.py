"""Comparison of two sets of image files, without a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from lsgan_tf._version import __version__
from lsgan_tf.errors import UserError
from lsgan_tf.evaluation.image_sets import ImageSet, open_image_set
from lsgan_tf.evaluation.measure import extractor_lines, in_table
from lsgan_tf.metrics.features import REAL_SEED, Extractor, features_of, real_features
from lsgan_tf.metrics.from_features import FEATURE_METRICS, FeatureSets
from lsgan_tf.metrics.inception.network import open_inception
from lsgan_tf.metrics.pixels import Pixels
from lsgan_tf.metrics.protocol import extractor_metadata, parameters
from lsgan_tf.metrics.real import batches
from lsgan_tf.metrics.registry import (
    BETTER,
    METRICS,
    check_options,
    extractor_of,
    for_json,
    keys_of,
)
from lsgan_tf.metrics.requirements import check_counts, check_dims
from lsgan_tf.util.files import explained, write_json
from lsgan_tf.util.text import columns

_OF_INCEPTION = ("is", "fid", "kid", "prdc")
_OF_PIXELS = ("pixel_kid", "pixel_prdc")


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
    out: Path,
    *,
    image_size: int | None = None,
    samples: int | None = None,
    reals: int | None = None,
    seed: int = 0,
    inception: Path | None = None,
    cache_dir: Path | None = None,
    command: Sequence[str] = (),
    log: Callable[[str], None] = print,
) -> str:
    """Compare two sets of images and write the result as JSON.

    Args:
      samples_dir: folder or `.npz` file of generated images.
      reals_dir: folder or `.npz` file of real images.
      names: names of the metrics; None for "fid", "kid" and "prdc", or pixel metrics without the
        Inception graph.
      out: JSON file to write, replaced if it exists.
      image_size: height and width to squash all images to; None if they have one size.
      samples: number of generated images; None for all.
      reals: number of real images; None for all.
      seed: seed of random subsets.
      inception: file of the Inception graph; None for the cached one.
      cache_dir: cache folder.
      command: the command line, recorded in the file.
      log: called with each line of output.

    Returns:
      The table.

    Raises:
      UserError: if a set cannot be read, the sizes differ, or a metric cannot be computed.
    """
    check_names(names or ())
    options = {"reals": reals, "inception": inception}
    given = [name for name, value in options.items() if value is not None]
    check_options(given, names or _OF_INCEPTION)
    made, real = (
        open_image_set(path, flag, image_size)
        for path, flag in ((samples_dir, "samples_dir"), (reals_dir, "reals_dir"))
    )
    for line in (*made.warnings, *real.warnings):
        log(line)
    if made.shape != real.shape:
        raise UserError(
            f"--samples_dir has {made.description}, --reals_dir {real.description}: expected "
            "one size; use --image_size=N to resize all to N x N"
        )
    counts = _count(made, "samples", samples), _count(real, "reals", reals)
    names, extractors = _extractors(names, min(counts), inception, cache_dir, log)
    check_counts(names, min(counts))
    check_dims(names, extractors, *counts)
    sets = {}
    label = f"features of {made.path.name}"
    for kind, extractor in extractors.items():
        images = batches(made, counts[0], seed)
        own = features_of(extractor, images, count=counts[0], label=label)
        of_reals = real_features(extractor, real, counts[1], cache_dir)
        sets[kind] = FeatureSets(own, of_reals, of_reals, seed)
    values = [value for name in names for value in FEATURE_METRICS[name](sets[extractor_of(name)])]
    keys = keys_of(names)
    metrics = for_json({key: float(value) for key, value in zip(keys, values, strict=True)})
    report = {
        "lsgan_tf": __version__,
        "command": list(command),
        "protocol": {
            "samples": counts[0],
            "seed": seed,
            "sampled": _metadata(made),
            "real": {**_metadata(real), "count": counts[1], "seed": REAL_SEED},
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
    names: Sequence[str] | None,
    fewest: int,
    inception: Path | None,
    cache_dir: Path | None,
    log: Callable[[str], None],
) -> tuple[tuple[str, ...], dict[str, Extractor]]:
    """Return the metrics, by default those available, and their extractors."""
    kinds = {METRICS[name].extractor for name in names or _OF_INCEPTION}
    found: dict[str, Extractor] = {"pixels": Pixels()} if "pixels" in kinds else {}
    if "inception" in kinds:
        try:
            found["inception"] = open_inception(inception, cache_dir, log=log)
        except UserError as error:
            instead = ",".join(_OF_PIXELS)
            if names or inception:
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


def _metadata(images: ImageSet) -> dict[str, Any]:
    return {"description": images.description, "fingerprint": images.fingerprint}


def _table(report: dict[str, Any]) -> str:
    (result,), protocol = report["results"], report["protocol"]
    rows = [(key, BETTER.get(key, ""), in_table(value)) for key, value in result["figures"].items()]
    rows.insert(0, ("", "better", "value"))
    lines = columns(rows)
    lines.append(f"{protocol['samples']:,} of {protocol['sampled']['description']}")
    lines.append(f"versus {protocol['real']['count']:,} of {protocol['real']['description']}")
    return "\n".join([*lines, *extractor_lines(protocol["extractors"])])
