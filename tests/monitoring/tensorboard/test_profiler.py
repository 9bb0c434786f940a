"""`--profile_steps`: what it may be, where calls end, what is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsgan_tf.config import resolve
from lsgan_tf.errors import UserError
from lsgan_tf.monitoring.schedule import next_stop
from lsgan_tf.monitoring.tensorboard.profiler import Profile
from lsgan_tf.settings.checks import parse_profile_steps

pytestmark = pytest.mark.fast

CONFIG = {"dataset": "mixture", "steps": 100, "steps_per_call": 10}


class Folder:
    """As much of a run's folder as a profile needs."""

    def __init__(self, path):
        self.tensorboard, self.lines = path, []

    def log(self, line):
        self.lines.append(line)


@given(st.integers(1, 50), st.integers(0, 50))
def test_reads_what_it_should(first, more):
    assert parse_profile_steps(f" {first}, {first + more}", 100) == (first, first + more)


@given(st.text(alphabet="0123456789,- .x", max_size=9))
def test_anything_else_is_refused_in_one_line(text):
    try:
        first, last = parse_profile_steps(text, 10**9)
    except UserError as error:
        assert "--profile_steps" in str(error) and "\n" not in str(error)
    else:
        assert 1 <= first <= last


@pytest.mark.parametrize("text", ["", "5", "0,3", "9,3", "1,2,3", "-1,5", "a,b", "10,101"])
def test_refused_with_the_other_settings(text):
    with pytest.raises(UserError, match="--profile_steps="):
        resolve(CONFIG | {"profile_steps": text}, {})


def test_calls_end_where_the_profile_does_and_else_as_ever():
    config, _ = resolve(CONFIG | {"profile_steps": "14,35"}, {})
    profile = Profile(config, Folder(None), enabled=True)
    assert profile.stops == (13, 35)
    found = [0]
    while found[-1] < 100:
        found.append(next_stop(found[-1], config, [], profile.stops))
    assert found == [0, 10, 13, 20, 30, 35, 40, 50, 60, 70, 80, 90, 100]
    without = Profile(resolve(CONFIG, {})[0], Folder(None), enabled=True)
    assert without.stops == ()


@pytest.mark.parametrize(
    ("calls", "told"),
    [
        ([(0, 3), (3, 6), (6, 9)], "profile of steps 4 to 6 in "),
        ([(4, 6), (6, 9)], "profile of steps 5 to 6 in "),  # gone on from within
        ([(0, 3), (3, 5)], "profile of steps 4 to 5 in "),  # stopped within
        ([(6, 9)], ""),
    ],
)
def test_traces_are_written_once(tmp_path, calls, told):
    config, _ = resolve(CONFIG | {"profile_steps": "4,6"}, {})
    folder = Folder(tmp_path)
    profile = Profile(config, folder, enabled=True)
    for before, after in calls:
        profile.before(before)
        profile.after(after)
    profile.close()
    traces = list(tmp_path.rglob("*.xplane.pb"))
    assert len(traces) == bool(told)
    assert [line[: len(told)] for line in folder.lines] == ([told] if told else [])
    assert all(trace.relative_to(tmp_path).parts[:2] == ("plugins", "profile") for trace in traces)


def test_a_worker_that_writes_nothing_ends_its_calls_alike(tmp_path):
    config, _ = resolve(CONFIG | {"profile_steps": "4,6"}, {})
    profile = Profile(config, Folder(tmp_path), enabled=False)
    assert profile.stops == (3, 6)
    profile.before(3)
    profile.after(6)
    assert not list(tmp_path.iterdir())
