from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[2] / "tools" / "bench_kernel_gradient.py"


def tool(*words):
    return subprocess.run([sys.executable, TOOL, *words], capture_output=True, text=True)


def test_every_shape_once():
    done = tool("--small", "--nets=hwdb,cifar10", "--batch_size=2", "--calls=1")
    assert done.returncode == 0, done.stderr
    # The networks of these sizes mirror each other: 12x12 -> 6x6 -> 3x3, and 16x16 to 1x1.
    rows = [line for line in done.stdout.splitlines() if " /2 " in line]
    images = [row.split()[0] for row in rows]
    assert images[:4] == ["6x6x3", "12x12x1", "12x12x1", "6x6x6"]
    assert images[4:] == ["2x2x16", "4x4x8", "8x8x4", "16x16x3"]
    assert rows[4].split()[1] == "1x1x32"
    assert "cifar10 G h1, cifar10 D h3" in rows[4]
    assert all(" no  " in row for row in rows)


def test_a_mistake_is_told_in_a_line():
    done = tool("--nets=mnist")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert "expected some of hwdb" in done.stderr
