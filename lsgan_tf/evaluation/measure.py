"""Evaluation of several generators under the same protocol, as JSON and a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lsgan_tf._version import __version__
from lsgan_tf.data.source import Source
from lsgan_tf.errors import UserError
from lsgan_tf.evaluation.generators import Candidate, Candidates
from lsgan_tf.evaluation.history import best_value
from lsgan_tf.metrics.registry import BETTER, check_options, for_json
from lsgan_tf.metrics.requirements import check_metrics, default_metrics
from lsgan_tf.metrics.suite import Suite, open_suite
from lsgan_tf.sampling.training_data import reopen_source
from lsgan_tf.settings.fingerprints import same
from lsgan_tf.util.files import explained, write_json
from lsgan_tf.util.text import columns, counted, printable


def evaluate(
    candidates: Candidates,
    names: Sequence[str] | None,
    out: Path,
    *,
    data_dir: str | None = None,
    cache_dir: str | None = None,
    command: Sequence[str] = (),
    log: Callable[[str], None] = print,
    **options: Any,
) -> str:
    """Evaluate each candidate, and write the results after each.

    Args:
      candidates: the generators.
      names: names of the metrics; None for the default of the data.
      out: JSON file to write, replaced if it exists.
      data_dir: data folder; None for the run's.
      cache_dir: cache folder; None for the run's.
      command: the command line, recorded in the file.
      log: called with each line of output.
      options: passed to `lsgan_tf.metrics.suite.open_suite`.

    Returns:
      The table.

    Raises:
      UserError: if a metric cannot be computed or the file cannot be written.
    """
    folders: dict[str, Any] = {"data_dir": data_dir, "cache_dir": cache_dir}
    given = {name: folder for name, folder in folders.items() if folder}
    config = dataclasses.replace(candidates.config, **given)
    names = default_metrics(config) if names is None else names
    check_metrics(names, config)
    defaults = {"split": "train"}  # None for the others
    used = [name for name, value in {**given, **options}.items() if value != defaults.get(name)]
    check_options(used, names)
    train = reopen_source(config)
    _check_same_data(candidates, train, log)
    suite = open_suite(names, config, train=train, log=log, **options)
    report: dict[str, Any] = {"lsgan_tf": __version__, "command": list(command)}
    if candidates.truncation is not None:
        suite.protocol["truncation"] = candidates.truncation
    report |= {"protocol": suite.protocol, "real": for_json(suite.real()), "results": []}
    for candidate in candidates.each:
        log(f"measuring step {candidate.step:,}, {candidate.weights} weights: {candidate.where}")
        report["results"].append(_measure(candidate, suite))
        with explained(out, "writing the evaluation"):
            write_json(out, report)
    for line in train.new_warnings():
        log(line)
    if not report["results"]:
        raise UserError("all checkpoints are damaged: nothing was evaluated")
    return table(report, suite.keys)


def _measure(candidate: Candidate, suite: Suite) -> dict[str, Any]:
    values = suite.measure(candidate.draw(suite.samples, suite.seed))
    result = {
        "step": candidate.step,
        "weights": candidate.weights,
        "where": candidate.where,
        "figures": for_json(values),
    }
    if suite.weights_of_modes is not None:
        result["mode_weights"] = suite.weights_of_modes
    if suite.reading is not None:
        result["per_class"] = suite.reading.per_class()
        result["confusions"] = suite.reading.confusions()
    return result


def _check_same_data(candidates: Candidates, train: Source, log: Callable[[str], None]) -> None:
    """Check that shape and labels are those of the run; log a note if images differ."""
    config = candidates.config
    if tuple(train.shape) != config.data_shape:
        raise UserError(
            f"--data_dir: {train.description}: examples of shape {tuple(train.shape)}, the run was "
            f"trained on {config.data_shape}; use the data of the run"
        )
    if config.conditional and list(train.classes) != list(candidates.classes):
        raise UserError(
            f"--data_dir: {train.description}: its classes are not those of the run "
            f"({len(candidates.classes):,}), so labels would not match; use the data of the run"
        )
    if config.data_fingerprint and not same(train.fingerprint, config.data_fingerprint):
        log(f"note: {train.description} differs from the data that the run was trained on")
    if train.standin:
        log("note: this is the synthetic stand-in, not real handwriting")


def table(report: dict[str, Any], keys: Sequence[str]) -> str:
    """Format an evaluation as a table with a column per generator and one of real examples."""
    results, protocol = report["results"], report["protocol"]
    header = ["", "better", "real"]
    averaged = any(result["weights"] != "raw" for result in results)
    for result in results:
        header.append(f"step {result['step']:,}" + f" {result['weights']}" * averaged)
    rows = [header]
    for key in keys:
        better = BETTER.get(key, "")
        values = [result["figures"][key] for result in results]
        best = best_value(key, values) if better and len(set(values)) > 1 else None
        shown = [
            in_table(value) + (" *" if value is not None and value == best else "")
            for value in values
        ]
        rows.append([key, better, in_table(report["real"][key]), *shown])
    lines = columns(rows)
    if any(" *" in line for line in lines):
        lines.append("* best of these generators")
    real, others = protocol["real"], protocol["real in the place of samples"]
    extractors = protocol.get("extractors", {})
    about = f"{counted(protocol['samples'], 'sample')}, seed {protocol['seed']}; "
    if "truncation" in protocol:
        about += f"truncation {protocol['truncation']:g}; "
    about += (
        f"distances to {real['count']:,} of the {protocol['split']} split; real: "
        f"{others['count']:,} of the other split; held out: {protocol['held_out']}"
        if extractors
        else f"real: as many of {protocol['held_out']}"
    )
    lines.append(about)
    return "\n".join([*lines, *extractor_lines(extractors), *_worst(results[-1])])


def extractor_lines(extractors: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each extractor of a protocol."""
    for extractor in extractors.values():
        top1 = f", top-1 {extractor['top1']:.2%} on held-out" if "top1" in extractor else ""
        yield f"extractor: {extractor['name']}{top1}; resizing: {extractor['resizer']}"


def in_table(value: float | None) -> str:
    """Format a value of a metric for a table."""
    return "-" if value is None else f"{value:.4g}"


def _worst(result: dict[str, Any], most: int = 8) -> list[str]:
    if "per_class" not in result:
        return []
    worst = sorted(result["per_class"].items(), key=lambda item: item[1])[:most]
    classes = ", ".join(f"{printable(name)} {accuracy:.0%}" for name, accuracy in worst)
    pairs = ", ".join(
        f"{printable(a)} as {printable(b)} {fraction:.0%}"
        for a, b, fraction in result["confusions"][:most]
    )
    lines = [f"step {result['step']:,}, lowest accuracy: {classes}"]
    return [*lines, f"most frequent errors: {pairs}"] if pairs else lines
