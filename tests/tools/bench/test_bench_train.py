"""Benchmarks of training, on narrow networks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[3] / "tools" / "bench"


def tool(name, *words):
    command = [sys.executable, TOOLS / f"{name}.py", *words]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_step_is_measured_beside_the_peak(tmp_path):
    done = tool(
        "bench_train", "--small", "--nets=hwdb", "--precisions=float32", "--batch_size=4",
        "--rounds=2", "--seconds=0", f"--json={tmp_path / 'bench.json'}", "--devices=cpu",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "hwdb float32, batch 4" in done.stdout
    written = json.loads((tmp_path / "bench.json").read_text())
    (group,) = written["measured"]
    (result,) = group["results"]
    assert len(result["seconds"]) == 2 and min(result["seconds"]) > 0
    # By hand, from the widths of the small config: 12x12 images, 5 label features, 9 classes.
    g = [(7 + 5) * 9 * 3, 9 * 25 * 3 * 3, 36 * 25 * 3]
    d = [36 * 25 * 6, 9 * (25 * 6 * 6 + 5 * 6), (9 * 6 + 5) * 20, 20 + 5]
    step = sum(g) + 2 * (3 * sum(d) - d[0]) + 2 * sum(d) + 2 * sum(g) - g[0]
    assert result["facts"]["operations"] == 4 * 2 * step
    assert result["peak"]["clock"] > 0
    assert written["machine"]["cores"] > 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--nets=mnist"], "--nets=mnist: expected some of hwdb"),
        (["--precisions=int8"], "--precisions=int8"),
        (["extra"], "expected flags only"),
        (["--torch_modes=eager"], "--torch_modes: only for --peer=torch; give that too, or omit"),
    ],
)
def test_mistakes_are_told_in_a_line(words, complaint):
    done = tool("bench_train", *words)
    assert done.returncode == 2 and complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["bench_scaling", "bench_memory"])
def test_shared_flags_are_in_the_tools_own_help(name):
    done = tool(name, "--help")
    assert done.returncode == 0 and "--batch_size" in done.stdout.split("\nflags:\n")[1]


def test_devices_and_workers_are_measured(tmp_path):
    done = tool(
        "bench_scaling", "--small", "--net=cifar10", "--devices=cpu:2", "--batch_size=4",
        "--rounds=1", "--seconds=0", f"--json={tmp_path / 'scaling.json'}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "scaling.json").read_text())["measured"]
    assert [(row["name"], row["facts"]["replicas"]) for row in rows] == [
        ("cpu:2", 2),
        ("2 workers", 2),
    ]
    assert [line.split()[0] for line in done.stdout.splitlines()[-2:]] == ["cpu:2", "2"]
