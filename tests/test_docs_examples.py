"""Commands and examples of README and docs/, run as they stand there on a tiny run."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.run_dir.restore import restore_run

ROOT = Path(__file__).parents[1]

# Draws for each command line, in one process, because TensorFlow takes seconds to start.
DRAW = """
import json, sys
from absl import flags
from absl.testing import flagsaver
from lsgan_tf import sample

for words in json.loads(sys.argv[1]):
    with flagsaver.flagsaver():
        sample.main(flags.FLAGS(["sample", *words]))
"""


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def workplace(tiny_run, tmp_path_factory):
    """A folder in which `runs/quick` is the tiny run."""
    folder = tmp_path_factory.mktemp("workplace")
    shutil.copytree(tiny_run.path, folder / "runs" / "quick")
    return folder


@pytest.fixture(scope="module")
def drawn(workplace):
    """What every command of docs/sampling.md, and README's, wrote and said."""
    lines = "".join(blocks("docs/sampling.md", "bash") + blocks("README.md", "bash")).splitlines()
    start = "python -m lsgan_tf.sample "
    shown = [line.removeprefix(start) for line in lines if line.startswith(start)]
    drawing = [shlex.split(line, comments=True) for line in shown]
    assert len(drawing) == 11
    done = subprocess.run(
        [sys.executable, "-c", DRAW, json.dumps(drawing)],
        capture_output=True,
        text=True,
        cwd=workplace,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return workplace, done.stdout


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("text.png", (4 * 18 + 2, 2 * 18 + 2)),
        ("one.png", (4 * 18 + 2, 18 + 2)),
        ("way.gif", (4 * 18 + 2, 18 + 2)),
        ("line.png", (9 * 58 + 2, 58 + 2)),
        ("noise.png", None),
        ("sweep.png", None),
        ("near.png", None),
    ],
)
def test_images(drawn, name, size):
    with Image.open(drawn[0] / name) as found:
        assert size is None or found.size == size
        assert min(found.size) > 18
        assert getattr(found, "is_animated", False) == name.endswith(".gif")
        assert len(found.convert("L").getcolors()) > 2


def test_sets(drawn):
    folder, said = drawn
    with np.load(folder / "set.npz") as found:
        assert found["images"].shape == (1000, 8, 8)
    assert len(list((folder / "set").glob("*.png"))) == 1000
    assert (folder / "set.gnt").stat().st_size == 1000 * (10 + 8 * 8)
    assert (folder / "set.tfrecord").stat().st_size > 1000 * 100
    assert "median" in said and said.count("from the generator of step 12") == 10


def test_the_saved_model_alone(workplace, monkeypatch):
    (block,) = (each for each in blocks("docs/shipping.md", "python") if "saved_model" in each)
    monkeypatch.chdir(workplace)
    names = {}
    exec(block, names)
    assert names["images"].shape == (2, 8, 8, 1)


def test_metrics_from_python(workplace):
    block, _ = blocks("docs/metrics.md", "python")
    # Fewer samples, for a judge that has learnt less.
    for shown, small in (("samples=5000", "samples=30, judge_steps=20"), ("frechet", "kid")):
        assert shown in block
        block = block.replace(shown, small)
    config, gan, _, _ = restore_run(workplace / "runs" / "quick")
    names = {"config": config, "gan": gan}
    exec(block, names)
    assert set(names["values"]) == set(names["real"]) >= {"judge_top1", "judge_kid"}


def test_metrics_of_arrays():
    _, block = blocks("docs/metrics.md", "python")
    names = {}
    exec(block.replace("metrics.frechet", "distance = metrics.frechet", 1), names)
    assert 3 < names["distance"] < 5
    assert 0 < names["found"].precision < 1
