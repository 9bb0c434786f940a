"""A run's row in the HParams view."""

from __future__ import annotations

import dataclasses
import html
import re

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tensorboard import plugin_util
from tensorboard.plugins.hparams import api_pb2, metadata

from lsgan_tf.config import resolve
from lsgan_tf.monitoring.tensorboard.hparams import (
    Outcome,
    escaped,
    session_end,
    session_start,
    settings_table,
    values,
)
from lsgan_tf.settings.table import describe, setting_rows


def of(**given):
    return resolve(given, {})[0]


def content(summary):
    (value,) = tf.compat.v1.Summary.FromString(summary).value
    return value.tag, value.metadata.plugin_data.content


def test_settings_that_decide_and_none_that_do_not_apply():
    found = values(of(dataset="hwdb", conditional=True, seed=3, data_dir="/secret"))
    assert (found["dataset"], found["conditional"], found["seed"]) == ("hwdb", True, 3)
    assert found["learning_rate"] == 2e-4 and found["steps"] == 1_000_000
    assert found["generator_learning_rate"] == "learning_rate"  # in words, where None
    for name in ("data_dir", "run_dir", "log_every", "mode_radius", "category", "watch_every"):
        assert name not in found
    assert "mode_radius" in values(of(dataset="mixture"))
    assert {type(value) for value in found.values()} <= {bool, int, float, str}


def test_tensorboard_reads_what_is_written():
    config = of(dataset="mixture", z_dim=2)
    tag, start = content(session_start(config))
    assert tag == metadata.SESSION_START_INFO_TAG
    read = metadata.parse_session_start_info_plugin_data(start)
    assert read.hparams["z_dim"].number_value == 2
    assert read.hparams["dataset"].string_value == "mixture"
    assert read.hparams["simultaneous"].bool_value is True
    assert len(read.hparams) == len(values(config))
    assert read.group_name == ""  # two runs alike stay two rows


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.FINISHED, api_pb2.STATUS_SUCCESS),
        (Outcome.FAILED, api_pb2.STATUS_FAILURE),
        (Outcome.STOPPED, api_pb2.STATUS_UNKNOWN),
    ],
)
def test_how_it_ended(outcome, status):
    tag, end = content(session_end(outcome))
    assert tag == metadata.SESSION_END_INFO_TAG
    read = metadata.parse_session_end_info_plugin_data(end)
    assert read.status == status and read.end_time_secs > 0


def cells(text):
    """Rows of cells as TensorBoard's page has them."""
    page = plugin_util.markdown_to_safe_html(text)
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    return [
        [html.unescape(cell) for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL)]
        for row in rows
    ]


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1))
def test_any_text_stays_a_text(text):
    ((_,), (shown,)) = cells(f"| head |\n| --- |\n| {escaped(text)} |")
    assert shown == " ".join(text.split())


def test_every_setting_has_its_row():
    given = {"dataset": "hwdb", "conditional": True, "data_dir": "a|b <img src=x> `c` *d*\n| e"}
    config, origins = resolve(given, dict.fromkeys(given, "command line"))
    config = dataclasses.replace(config, data_shape=(28, 28, 1), data_description="67 |#| classes")
    table = cells(settings_table(config, origins))
    assert table[0] == ["setting", "value", "from"]
    assert all(len(row) == 3 for row in table)
    shown = {row[0]: row[1:] for row in table}
    for row in setting_rows(config, origins):
        assert shown[row.name] == [" ".join(row.value.split()), row.origin]
    assert shown["data_dir"] == ["a|b <img src=x> `c` *d* | e", "command line"]
    assert shown["shape"] == ["28 x 28 x 1", "data"]
    assert shown["description"] == ["67 |#| classes", "data"]
    assert "<strong>networks</strong>" in shown
    assert "<img" not in plugin_util.markdown_to_safe_html(settings_table(config, origins))


def test_the_log_has_the_same_settings_in_words():
    config, origins = resolve({"dataset": "mixture"}, {})
    lines = [line.split() for line in describe(config, origins).splitlines()]
    for row in setting_rows(config, origins):
        assert [row.name, *row.value.split(), *row.origin.split()] in lines
        assert [row.group] in lines
