"""Benchmark of drawing from an exported generator."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[3] / "tools" / "bench" / "bench_sample.py"


def tool(*words):
    return subprocess.run([sys.executable, TOOL, *words], capture_output=True, text=True)


def test_the_batch_size_with_the_most_images_is_chosen(tiny_run, tmp_path):
    done = tool(
        f"--saved_model={tiny_run.path / 'export'}", "--batch_sizes=1,8", "--rounds=2",
        "--seconds=0.01", f"--json={tmp_path / 'sample.json'}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    measured = json.loads((tmp_path / "sample.json").read_text())["measured"]
    assert [row["batch_size"] for row in measured["rows"]] == [1, 8]
    assert measured["chosen"] == max(measured["rows"], key=lambda row: row["sample"])
    assert measured["stream"] > 0
    assert f"chosen: batch {measured['chosen']['batch_size']}" in done.stdout


def test_mistakes_are_told_in_a_line(tmp_path):
    for words, complaint in (
        ([], "--saved_model"),
        ([f"--saved_model={tmp_path}", "--batch_sizes=0"], "whole numbers"),
        ([f"--saved_model={tmp_path}"], "no SavedModel"),
    ):
        done = tool(*words)
        assert done.returncode == 2 and complaint in done.stderr.splitlines()[-1]
