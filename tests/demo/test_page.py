"""The page's parts and answers, without a browser."""

from __future__ import annotations

import asyncio
import json

import pytest

from lsgan_tf.demo import drawing, page
from lsgan_tf.demo.server import Folders
from lsgan_tf.errors import UserError
from lsgan_tf.sampling.sampler import Sampler


class Fake(Sampler):
    def __init__(self, classes=(), shape=(8, 8, 3), standin=False):
        self.classes, self.shape, self.standin = list(classes), shape, standin
        self.conditional, self.step, self.weights = bool(classes), 1200, "ema"
        self.z_dim, self.z_distribution = 3, "uniform"
        self.config = {"network": "dcgan", "dataset": "images<b>"}


# Gradio leaves sockets and an event loop for the garbage collector to close.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def _gradio():
    """Gradio, with an event loop to take; it would make one of its own and leave it open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    pytest.importorskip("gradio", reason="the extra demo is not installed")
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.mark.parametrize(
    ("fake", "tabs"),
    [
        (Fake("安宁"), ["Write", "Draw", "Morph"]),
        (Fake(["cat", "dog"]), ["Draw", "Morph"]),
        (Fake(), ["Draw", "Morph"]),
        (Fake(shape=(2,)), ["Draw"]),
    ],
)
def test_tabs(tmp_path, fake, tabs):
    found = page.build(fake, Folders(tmp_path), 0.5).get_config_file()
    labels = [part["props"]["label"] for part in found["components"] if part["type"] == "tabitem"]
    assert labels == tabs
    choices = [part["props"] for part in found["components"] if part["type"] == "dropdown"]
    assert all(each["visible"] == bool(fake.classes) for each in choices)
    assert found["analytics_enabled"] is False
    sliders = {part["props"]["elem_id"]: part["props"] for part in found["components"]
               if part["type"] == "slider"}  # fmt: skip
    assert sliders["truncation"]["value"] == 0.5 and sliders["truncation"]["maximum"] == 1
    json.dumps(found)


def test_about():
    assert page.about(Fake(["cat", "dog"])) == (
        "images&lt;b&gt;, 8 x 8 pixels · 2 classes · step 1,200, EMA weights"
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


def test_an_error_is_a_message_and_no_picture():
    def draw(text):
        raise UserError(f"--text: <b>{text}")

    notice, picture, *buttons = page._answer(draw, 2, "x")
    assert picture is None
    assert '<p class="message" role="alert">&lt;b&gt;x</p>' in notice.value and notice.visible
    assert [button.interactive for button in buttons] == [False, False]


def test_a_drawing_is_shown_with_its_files(tmp_path):
    made = drawing.Drawing(*(tmp_path / name for name in ("m.gif", "m.png", "m.npz")))
    for file in made:
        file.write_bytes(b"")
    notice, gif, png, *buttons = page._answer(lambda: made, 3)
    assert (gif, png) == (str(made.shown), str(made.png)) and not notice.visible
    assert [button.interactive for button in buttons] == [True] * 3
