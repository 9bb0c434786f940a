"""The minimum memory of a step, and the tool that measures memory."""

from __future__ import annotations

import importlib
import itertools
import subprocess
import sys
from pathlib import Path

from lsgan_tf.networks import dcgan

TOOLS = Path(__file__).parents[3] / "tools" / "bench"


def test_needed_memory_by_hand(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    bench_ours = importlib.import_module("bench_ours")
    common = {"image_size": 16, "filters": 2, "batch_norm": False}
    networks = dcgan.Generator(**common, z_dim=5), dcgan.Discriminator(**common)
    widths = [16, 8, 4, 2, 3]
    of_g = 5 * 16 + 16 + sum(25 * i * o + o for i, o in itertools.pairwise(widths))
    widths = [3, 2, 4, 8, 16]
    of_d = sum(25 * i * o + o for i, o in itertools.pairwise(widths)) + 16 + 1
    g_outputs = 16 + 4 * 8 + 16 * 4 + 64 * 2 + 256 * 3
    d_outputs = 64 * 2 + 16 * 4 + 4 * 8 + 16 + 1
    found = bench_ours.needed(*networks, batch_size=10, bytes_each=2)
    assert found == {
        "weights": 4 * (of_g + of_d),
        "Adam's averages": 8 * (of_g + of_d),
        "gradients": 4 * max(of_g, of_d),
        "outputs of layers": 2 * 10 * (g_outputs + 2 * d_outputs),
    }


def test_the_tool_tells_need_peak_and_growth():
    done = subprocess.run(
        [
            *(sys.executable, TOOLS / "bench_memory.py", "--small", "--net=cifar10"),
            *("--steps=10", "--batch_size=4", "--devices=cpu"),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    values = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    assert 0 < float(values["needed_total_mib"]) < float(values["peak_mib"])
    assert len(values["resident_mib"].split(",")) == 10
    assert float(values["growth_mib"]) < 100
