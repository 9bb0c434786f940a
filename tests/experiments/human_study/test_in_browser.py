"""The voting page in a headless Chromium."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from lsgan_tf.experiments.human_study.study import write_study
from lsgan_tf.experiments.human_study.tally import tally


@pytest.fixture(scope="module")
def browser(start_browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("downloads")
    driver = start_browser("--disable-gpu", downloads=folder)
    driver.folder = folder
    return driver


@pytest.fixture
def study(tmp_path):
    a = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1), dtype=np.uint8)
    page = tmp_path / "study.html"
    return page, write_study(page, a, 255 - a, pairs=4, seed=1, names=("x", "y"))


def text(browser, name):
    return browser.find_element("id", name).text


def shown(browser, name):
    return browser.find_element("id", name).is_displayed()


def press(browser, key):
    browser.find_element("tag name", "body").send_keys(key)


def saved(browser):
    """The file exported by the page."""
    browser.find_element("id", "save").click()
    deadline = time.monotonic() + 120
    while not (found := list(browser.folder.glob("votes-*.json"))) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found[0]


def test_votes_by_mouse_and_keyboard_are_kept_and_counted(browser, study):
    from selenium.webdriver.common.keys import Keys

    page, key = study
    browser.get(page.as_uri())
    assert text(browser, "count") == "Pair 1 of 4"
    picture = browser.find_element("id", "left-image")
    assert browser.execute_script("return arguments[0].naturalWidth", picture) == 8
    browser.find_element("id", "left").click()
    press(browser, Keys.ARROW_RIGHT)
    assert text(browser, "count") == "Pair 3 of 4"
    press(browser, Keys.BACKSPACE)
    assert text(browser, "count") == "Pair 2 of 4"
    press(browser, Keys.ARROW_LEFT)
    browser.refresh()
    assert text(browser, "count") == "Pair 3 of 4"
    browser.find_element("id", "right").click()
    press(browser, Keys.ARROW_RIGHT)
    assert text(browser, "count") == "4 of 4 done"
    assert shown(browser, "thanks") and not shown(browser, "pair")
    press(browser, Keys.ARROW_RIGHT)  # nothing is left to vote on
    assert not shown(browser, "notice")
    path = saved(browser)
    votes = json.loads(path.read_text())
    assert votes["votes"] == ["left", "left", "right", "right"]
    left = json.loads(key.read_text())["left"]
    expected = sum(side == "a" for side in left[:2]) + sum(side == "b" for side in left[2:])
    assert tally(key, [path]).counts == (expected, 4 - expected)
