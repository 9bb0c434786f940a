"""Profiling of a step: layers by name, and a real step."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[3] / "tools" / "bench"


LAYERS = {
    "while/body/_1/while/generator_1/h4_1/conv_transpose": "generator h4, forward",
    "discriminator/h0/add": "discriminator h0, forward",
    "while/discriminator_3/bn2_1/moments/mean": "discriminator bn2, forward",
    "while/gradient_tape/while/discriminator_3/h1_1/convolution/Conv2DBackpropInput": (
        "discriminator h1, backward"
    ),
    "while/body/_1/while/Conv2D_2": "no layer in the name",
    "while/adam/update": "no layer in the name",
}


def test_layers_by_name():
    # In a process of its own: the tool defines flags that other tools and commands define too.
    code = (
        "import json, sys; from bench_profile import layer_of; "
        "print(json.dumps([layer_of(name) for name in sys.argv[1:]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *LAYERS],
        cwd=TOOLS,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == list(LAYERS.values())


def test_a_real_step(tmp_path):
    done = subprocess.run(
        [
            *(sys.executable, TOOLS / "bench_profile.py", "--small", "--net=cifar10"),
            *("--batch_size=8", "--steps=2", "--top=4", f"--json={tmp_path / 'p.json'}"),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ms a step") == 2 and " others" in done.stdout
    found = json.loads((tmp_path / "p.json").read_text())["measured"]
    kinds, layers = found["kind of operation"], found["layer"]
    assert sum(kinds.values()) == pytest.approx(sum(layers.values()))
    assert any("Conv2DBackpropFilter" in kind for kind in kinds)
    assert not any("While" in kind for kind in kinds)
    for network in ("generator", "discriminator"):
        for way in ("forward", "backward"):
            assert layers[f"{network} h1, {way}"] > 0
