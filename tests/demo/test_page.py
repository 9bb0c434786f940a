"""The page's parts and answers, without a browser."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lsgan_tf.demo import drawing, page
from lsgan_tf.errors import UserError
from lsgan_tf.sampling.sampler import Sampler


class Fake(Sampler):
    def __init__(self, classes=(), shape=(8, 8, 3), standin=False):
        self.classes, self.shape, self.standin = list(classes), shape, standin
        self.conditional, self.step, self.weights = bool(classes), 1200, "ema"
        self.z_dim, self.z_distribution = 3, "uniform"
        self.config = {"network": "dcgan", "dataset": "images<b>"}


@pytest.fixture(scope="module", autouse=True)
def _gradio():
    pytest.importorskip("gradio", reason="the extra demo is not installed")


# Builds pages in a process of its own, because Gradio leaves event loops open.
BUILD = """
import json, sys
from pathlib import Path
from lsgan_tf.demo import page, server
from lsgan_tf.sampling.sampler import Sampler

server.prepare_environment(Path(sys.argv[1]))
found = []
for classes, shape in json.loads(sys.argv[2]):
    fake = Sampler.__new__(Sampler)
    fake.classes, fake.shape, fake.standin, fake.step = classes, tuple(shape), False, 1200
    fake.weights, fake.z_distribution, fake.config = "ema", "uniform", {"network": "dcgan"}
    found.append(page.build(fake, server.Folders(Path(sys.argv[1])), 0.5).get_config_file())
print(json.dumps(found))
"""


def test_tabs(tmp_path):
    fakes = [("安宁", (8, 8, 3)), (["cat", "dog"], (8, 8, 3)), ([], (8, 8, 3)), ([], (2,))]
    made = [[list(classes), shape] for classes, shape in fakes]
    done = subprocess.run(
        [sys.executable, "-c", BUILD, tmp_path, json.dumps(made)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    expected = [["Write", "Draw", "Morph"], ["Draw", "Morph"], ["Draw", "Morph"], ["Draw"]]
    pages = json.loads(done.stdout.splitlines()[-1])
    for (classes, _), found, tabs in zip(fakes, pages, expected, strict=True):
        parts = [(part["type"], part["props"]) for part in found["components"]]
        assert [props["label"] for kind, props in parts if kind == "tabitem"] == tabs
        choices = [props["visible"] for kind, props in parts if kind == "dropdown"]
        assert choices and all(visible == bool(classes) for visible in choices)
        sliders = {props["elem_id"]: props for kind, props in parts if kind == "slider"}
        assert sliders["truncation"]["value"] == 0.5 and sliders["truncation"]["maximum"] == 1
        assert found["analytics_enabled"] is False


def test_about():
    assert page.about(Fake(["cat", "dog"])) == (
        "images&#60;b&#62;, 8 x 8 pixels · 2 classes · step 1,200, EMA weights"
    )
    assert page.about(Fake(standin=True)).endswith("stand-in, not on real handwriting")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("--text: the generator does not know 龘", "The generator does not know 龘"),
        ("--truncation=7: the noise is: uniform", "The noise is: uniform"),
        ("--frames, --rows: too many", "Too many"),
        ("a.npz: no such file", "A.npz: no such file"),
    ],
)
def test_a_message_names_no_flag(line, shown):
    assert page.message(UserError(line)) == shown


def test_an_error_is_a_message_and_no_image():
    def draw(text):
        raise UserError(f"--text: <b>{text}")

    message, picture, *buttons = page._answer(draw, 2, "x")
    assert picture is None
    assert '<p class="message" role="alert">&lt;b&gt;x</p>' in message.value and message.visible
    assert [button.interactive for button in buttons] == [False, False]


def test_a_drawing_is_shown_with_its_files(tmp_path):
    made = drawing.Drawing(*(tmp_path / name for name in ("m.gif", "m.png", "m.npz")))
    for file in made:
        file.write_bytes(b"")
    message, gif, png, *buttons = page._answer(lambda: made, 3)
    assert (gif, png) == (str(made.shown), str(made.png)) and not message.visible
    assert [button.interactive for button in buttons] == [True] * 3
