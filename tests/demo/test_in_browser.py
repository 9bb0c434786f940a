"""The demo's page as a visitor meets it, in a headless Chromium."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from PIL import Image

CELL = 8 * 4 + 2  # a character of the tiny run: 8 pixels, enlarged four times, and the gap


def wait(look):
    """What a function returns as soon as it is true."""
    deadline = time.monotonic() + 120
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found
    return found


@pytest.fixture(scope="module")
def demo(tiny_run, tmp_path_factory):
    """The command, a process of its own, on the tiny run; its address and its temporary folder."""
    pytest.importorskip("gradio", reason="the extra demo is not installed")
    folder = tmp_path_factory.mktemp("demo")
    with (folder / "said.txt").open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "lsgan_tf.demo", f"--run_dir={tiny_run.path}", "--port=0"],
            stdout=stream,
            stderr=stream,
            env={**os.environ, "TMPDIR": str(folder)},
        )
    said = folder / "said.txt"
    try:
        while not (match := re.search(r"open (http://127\.0\.0\.1:\d+) in", said.read_text())):
            assert process.poll() is None, said.read_text()
            time.sleep(0.2)
        yield match[1], folder
        # A process that ignores Ctrl-C, as those of xdist do, has children that ignore it.
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 143
        # No traceback, no notice, and nothing left behind.
        assert said.read_text().splitlines()[1:] == ["stopped by SIGTERM"]
        assert [path.name for path in folder.glob("lsgan_tf-demo-*")] == []
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def browser(start_browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("downloads")
    driver = start_browser("--disable-gpu", "--window-size=1280,1000", downloads=folder)
    driver.folder = folder
    return driver


@pytest.fixture
def page(browser, demo):
    class Page:
        def open(self):
            browser.get(demo[0])
            wait(lambda: self.width("line-png"))

        def width(self, name):
            """Size of an image in its own pixels; None until it is there."""
            found = browser.find_elements("css selector", f"#{name} img")
            get = "return arguments[0].complete && arguments[0].naturalWidth"
            return browser.execute_script(get, found[0]) if found else None

        def type(self, name, text):
            field = browser.find_element("css selector", f"#{name} textarea, #{name} input")
            # Keys of the driver reach no character beyond U+FFFF.
            browser.execute_script(
                "arguments[0].value = arguments[1];"
                "arguments[0].dispatchEvent(new Event('input', {bubbles: true}))",
                field,
                text,
            )

        def click(self, name):
            browser.find_element("id", name).click()

        def tab(self, name):
            tabs = browser.find_elements("css selector", "button[role=tab]")
            next(tab for tab in tabs if tab.text == name).click()

        def message(self):
            found = browser.find_elements("css selector", "#line-message .message")
            return found[0].text if found else ""

        def download(self, name, file):
            path = browser.folder / file
            path.unlink(missing_ok=True)
            self.click(name)
            wait(lambda: path.is_file() and path.stat().st_size)
            return path

    found = Page()
    found.open()
    return found


def test_a_text_is_written_and_downloaded(page):
    page.type("text", "安宁安")
    page.type("writer", "7")
    page.click("write")
    wait(lambda: page.width("line-png") == 3 * CELL + 2)
    with Image.open(page.download("line-png-download", "line.png")) as picture:
        assert picture.size == (3 * CELL + 2, CELL + 2)
    with np.load(page.download("line-npz-download", "line.npz")) as arrays:
        assert arrays["chars"].tolist() == ["安", "宁", "安"]


def test_characters_that_cannot_be_written_are_named(page):
    page.type("text", "安龘😀")
    page.click("write")
    text = wait(page.message)
    assert text.startswith("The generator does not know 龘 (U+9F98), 😀 (U+1F600); it knows 5: ")
    wait(lambda: page.width("line-png") is None)
    page.type("text", "安")
    page.click("write")
    wait(lambda: page.width("line-png"))
    wait(lambda: page.message() == "")


def test_a_morph_is_an_animation_and_a_strip(page):
    page.tab("Morph")
    wait(lambda: page.width("morphed-gif"))
    page.type("morph-text", "安宁")
    page.click("morph")
    wait(lambda: page.width("morphed-gif") == 2 * CELL + 2)
    with Image.open(page.download("morphed-gif-download", "morph.gif")) as animation:
        assert animation.n_frames > 2


def test_a_grid_of_a_class(page):
    page.tab("Draw")
    wait(lambda: page.width("samples-png") == 5 * CELL + 2)


def test_nothing_is_fetched_from_elsewhere(page, browser, demo):
    names = browser.execute_script(
        "return performance.getEntriesByType('resource').map(entry => entry.name)"
    )
    assert names and all(name.startswith((demo[0], "data:", "blob:")) for name in names)
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_no_other_file_is_served(demo):
    for path in (__file__, str(demo[1] / "said.txt"), "/etc/passwd"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{demo[0]}/gradio_api/file={path}")
        refused.value.close()
        assert refused.value.code in (403, 404)
