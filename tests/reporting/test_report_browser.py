"""The report in a browser: phone, keyboard, dark mode."""

from __future__ import annotations

import json

import pytest

from lsgan_tf.reporting.page import page
from lsgan_tf.reporting.run_data import gather


@pytest.fixture(scope="module")
def browser(start_browser):
    return start_browser("--disable-gpu")


@pytest.fixture
def open_report(browser, make_run, tmp_path):
    def show(*names, width=1280, scheme="light"):
        runs = [make_run(name, step=step) for name, step in names]
        text = page([gather(path, grids=24, pixels=720) for path in runs], "A limit.")
        file = tmp_path / "report.html"
        file.write_text(text, encoding="utf-8")
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(file.as_uri())
        return browser

    return show


def test_the_sliders_go_by_keyboard_and_together(open_report):
    browser = open_report(("one", 300), ("two", 500))
    script = "return [...document.querySelectorAll('figure.grids output')].map(o => o.textContent)"
    assert browser.execute_script(script) == ["step 300", "step 500"]
    first = browser.find_element("css selector", "figure.grids input")
    image = browser.find_element("css selector", "figure.grids img")
    before = image.get_attribute("src")
    first.send_keys("\ue012")  # left arrow
    assert browser.execute_script(script) == ["step 200", "step 200"]
    assert image.get_attribute("src") != before
    browser.find_element("id", "together").send_keys(" ")
    first.send_keys("\ue012")
    assert browser.execute_script(script) == ["step 100", "step 200"]
    assert browser.get_log("browser") == []  # nothing refused by the policy, no script error


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_screen(open_report, width):
    browser = open_report(("a-run-with-quite-a-long-name-as-runs-have", 300), width=width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    small = "return document.querySelector('input[type=range]').getBoundingClientRect().height"
    assert browser.execute_script(small) >= 40


def test_light_and_dark(open_report):
    def contrast():
        style = "const s = getComputedStyle(document.body);"
        script = f"{style} return [s.color, s.backgroundColor]"
        colours = [json.loads(c[3:].replace("(", "[").replace(")", "]")) for c in
                   browser.execute_script(script)]  # fmt: skip
        return [sum(colour) for colour in colours]

    browser = open_report(("one", 300))
    ink, paper = contrast()
    assert paper - ink > 400
    browser = open_report(("dark", 300), scheme="dark")
    ink, paper = contrast()
    assert ink - paper > 400
