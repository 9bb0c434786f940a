"""Counting of votes, and Wilson's interval against published numbers."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lsgan_tf.errors import UserError
from lsgan_tf.experiments.human_study.tally import tally, wilson

pytestmark = pytest.mark.fast

KEY = {"format": 1, "study": "f" * 64, "names": ["LSGAN", "DCGAN"], "left": ["a", "b", "b", "a"]}


@pytest.fixture
def files(tmp_path):
    def write(*contents):
        (tmp_path / "key.json").write_text(json.dumps(KEY))
        paths = []
        for number, content in enumerate(contents):
            base = {"format": 1, "study": KEY["study"], "voter": f"voter {number}", "votes": []}
            paths.append(tmp_path / f"{number}.json")
            paths[-1].write_text(json.dumps(base | content))
        return tmp_path / "key.json", paths

    return write


def test_counts_by_hand(files):
    counted = tally(*files({"votes": ["left", "left", "right", "right"]}, {"votes": ["left"]}))
    # a, b, a, b and a.
    assert counted.counts == (3, 2) and counted.voters == 2
    assert counted.fraction == 0.6
    assert "LSGAN: 3 (60.0%; 95% interval 23.1% to 88.2%)" in counted.text()
    assert "No significant preference" in counted.text()
    assert json.loads(json.dumps(counted.to_json()))["counts"] == [3, 2]


def test_the_papers_own_count():
    low, high = wilson(2256, 4000)
    assert (low, high) == (pytest.approx(0.5486, abs=5e-4), pytest.approx(0.5793, abs=5e-4))


@given(st.integers(1, 5000), st.data())
def test_wilson_is_scipys(total, data):
    count = data.draw(st.integers(0, total))
    expected = stats.binomtest(count, total).proportion_ci(method="wilson")
    assert wilson(count, total) == (
        pytest.approx(expected.low, abs=1e-9), pytest.approx(expected.high, abs=1e-9)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ([{"study": "0" * 64}], r"0\.json: these votes are of another study \(00000000; .*fff"),
        (
            [{"votes": ["left"]}, {"voter": "voter 0"}],
            r"1\.json: this voter's votes are in .*0\.js",
        ),
        ([{"votes": ["left"] * 5}], "at most 4 votes"),
        ([{"votes": ["up"]}], "each left or right"),
        ([{"votes": {"0": "left"}}], "votes: expected a list, found dict"),
        ([{"voter": ["x"]}], r"0\.json: expected .*voter: expected text, found list"),
        ([{"format": 2}], "format 2, this version reads 1"),
        ([{}], "no votes"),
    ],
)
def test_votes_that_are_refused(files, contents, message):
    with pytest.raises(UserError, match=message):
        tally(*files(*contents))


@pytest.mark.parametrize("change", [{"left": ["a", "c"]}, {"left": None}, {"names": ["one"]}])
def test_a_damaged_key(files, change):
    key, votes = files({"votes": ["left"]})
    key.write_text(json.dumps(KEY | change))
    with pytest.raises(
        UserError, match=r"key\.json: expected (the names of two generators|.*left)"
    ):
        tally(key, votes)


def test_a_file_of_something_else(files, tmp_path):
    key, _ = files()
    (tmp_path / "other.json").write_text("[1]")
    with pytest.raises(UserError, match=r"other\.json: expected a JSON file with study, voter"):
        tally(key, [tmp_path / "other.json"])


@pytest.mark.parametrize("name", ["key.json", "0.json"])
def test_a_fifo_is_not_waited_for(files, tmp_path, name):
    key, votes = files({"votes": ["left"]})
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(UserError) as caught:
        tally(key, votes)
    assert str(caught.value) == (
        f"{tmp_path / name}: expected a regular file, found a FIFO or a device; give the file "
        "itself"
    )
