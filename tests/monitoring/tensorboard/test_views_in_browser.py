"""Every view of TensorBoard on real runs, in a headless Chromium."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time

import pytest

from lsgan_tf.config import resolve
from lsgan_tf.training import train

# Without a graphics card the Projector needs WebGL in software.
WEBGL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--window-size=1400,900")
# Elements that a selector finds anywhere: in shadow trees and in frames too.
EVERYWHERE = """
const found = [], selector = arguments[0];
function look(root) {
  found.push(...root.querySelectorAll(selector));
  for (const node of root.querySelectorAll("*")) {
    if (node.shadowRoot) look(node.shadowRoot);
    if (node.tagName === "IFRAME" && node.contentDocument) look(node.contentDocument);
  }
}
look(document);
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory, tiny_run):
    """TensorBoard, a process of its own, on a conditional run and on a measured one."""
    logdir = tmp_path_factory.mktemp("logdir")
    shutil.copytree(tiny_run.path, logdir / "tiny")
    settings = {
        "dataset": "mixture", "steps": 12, "batch_size": 16, "log_every": 4, "z_dim": 4,
        "watch_every": 4, "evaluate_every": 4, "evaluate_samples": 300, "devices": "cpu:1",
        "jit_compile": "off",
    }  # fmt: skip
    assert train(*resolve(settings, {}), logdir / "mixture") == 0
    words = ["--logdir", str(logdir), "--samples_per_plugin", "images=200", "--port", "0"]
    said = tmp_path_factory.mktemp("said") / "stderr.txt"
    with said.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "tensorboard.main", *words], stdout=stream, stderr=stream
        )
    try:
        while not (match := re.search(r"(http://\S+?)/? \(Press", said.read_text())):
            assert process.poll() is None, said.read_text()
            time.sleep(0.2)
        yield match[1]
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def browser(start_browser):
    return start_browser(*WEBGL)


@pytest.fixture
def view(browser, address):
    """Opens a view and waits until what it shows passes a check; gives what it shows."""

    class View:
        def open(self, name):
            browser.get("about:blank")  # else only the part after # would change
            browser.get(f"{address}/#{name}")

        def all(self, selector, then):
            return browser.execute_script(f"{EVERYWHERE} return found{then}", selector)

        def texts(self):
            return self.all("*", ".flatMap(e => [...e.childNodes]).filter(n => n.nodeType === 3"
                                 ").map(n => n.textContent.trim()).filter(t => t)")  # fmt: skip

        def wait(self, look, enough):
            deadline = time.monotonic() + 120
            while not enough(found := look()) and time.monotonic() < deadline:
                time.sleep(0.2)
            assert enough(found), found
            return found

        def shows(self, *expected):
            return self.wait(self.texts, set(expected).issubset)

    return View()


def test_curves_in_groups(view):
    view.open("timeseries")
    view.shows("best", "gradient", "loss", "quality", "score", "speed", "watch")


def test_grids(view):
    view.open("images")
    view.shows("reals", "samples")
    pictures = ".filter(i => i.src.includes('individualImage')).map(i => i.naturalWidth)"
    view.wait(lambda: view.all("img", pictures), lambda widths: widths and all(widths))


@pytest.mark.parametrize("name", ["histograms", "distributions"])
def test_scores_of_reals_and_fakes(view, name):
    view.open(name)
    view.shows("scores/real", "scores/fake")
    charts = "svg" if name == "histograms" else "canvas, svg"
    assert view.wait(lambda: view.all(charts, ".length"), bool)


def test_settings_are_a_table(view):
    view.open("text")
    view.shows("config", "batch_size", "label_dim", "command line")
    assert view.wait(lambda: view.all("table td", ".length"), lambda cells: cells > 100)


def test_both_runs_stand_side_by_side(view):
    view.open("hparams")
    view.shows("mixture/tensorboard", "tiny/tensorboard", "best/mode_overlap")


def test_both_networks_can_be_read(view):
    view.open("graphs&run=tiny/tensorboard")
    view.shows("generator", "discriminator", "z", "score")


def test_each_label_is_a_point_with_its_image(view):
    view.open("projector")
    texts = view.wait(view.texts, lambda texts: "Points: 5" in " ".join(texts))
    assert "Dimension: 4" in " ".join(texts)
    assert view.wait(lambda: view.all("canvas", ".length"), bool)
