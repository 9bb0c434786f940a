"""Tables and plain values of benchmark results."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from bench_turns import Result


def of_training(title: str, results: Sequence[Result]) -> str:
    """Format medians, ranges, and ratios to the first result."""
    first = results[0]
    work = first.facts["operations"]
    performed = first.facts["performed"]
    lines = [
        f"{title}, batch {first.facts['batch_size']}: {work / 1e9:,.1f} GFLOP a step by direct "
        f"convolution, {performed / 1e9:,.1f} performed; peak "
        f"{first.peak['clock'] / 1e9:,.0f} GFLOP/s, {first.peak['cpu'] / 1e9:,.0f} per CPU second",
        f"{'':16}{'ms/step':>11}{'least..most':>21}{'of peak':>9}{'ratio':>7}"
        f"{'CPU s/step':>12}{'of peak':>9}{'ratio':>7}",
    ]
    for result in results:
        ends = f"{min(result.seconds) * 1e3:,.1f}..{max(result.seconds) * 1e3:,.1f}"
        of_peak = work / result.median / first.peak["clock"]
        of_cpu_peak = work / result.cpu_median / first.peak["cpu"]
        lines.append(
            f"{result.name:16}{result.median * 1e3:11,.1f}{ends:>21}{of_peak:9.0%}"
            f"{result.times(first):7.2f}{result.cpu_median:12.3f}{of_cpu_peak:9.0%}"
            f"{result.cpu_times(first):7.2f}"
        )
    return "\n".join(lines)


def of_scaling(results: Sequence[Result]) -> str:
    """Format medians, ranges, and ratios to the first result."""
    lines = [
        f"{'':12}{'replicas':>9}{'ms/step':>11}{'least..most':>21}{'ratio':>7}"
        f"{'CPU s/step':>12}{'ratio':>7}"
    ]
    for result in results:
        ends = f"{min(result.seconds) * 1e3:,.1f}..{max(result.seconds) * 1e3:,.1f}"
        lines.append(
            f"{result.name:12}{result.facts['replicas']:9}{result.median * 1e3:11,.1f}{ends:>21}"
            f"{result.times(results[0]):7.2f}{result.cpu_median:12.3f}"
            f"{result.cpu_times(results[0]):7.2f}"
        )
    return "\n".join(lines)


def plain(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return the results as plain values, with medians and ratios to the first."""
    return [
        dataclasses.asdict(result)
        | {
            "median": result.median,
            "cpu_median": result.cpu_median,
            "ratio": result.times(results[0]),
            "cpu_ratio": result.cpu_times(results[0]),
        }
        for result in results
    ]
