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
    session_end,
    session_start,
    settings_table,
    values,
)
from lsgan_tf.settings.table import describe, setting_rows
from lsgan_tf.util.text import escaped_markdown

pytestmark = pytest.mark.fast


def of(**given):
    return resolve(given, {})[0]


def content(summary):
    (value,) = tf.compat.v1.Summary.FromString(summary).value
    return value.tag, value.metadata.plugin_data.content


def test_a_row_has_what_tells_runs_apart_and_what_is_no_default():
    found = values(of(dataset="hwdb", conditional=True, seed=3, data_dir="/secret"))
    assert (found["dataset"], found["conditional"], found["seed"]) == ("hwdb", True, 3)
    assert found["learning_rate"] == 2e-4 and found["steps"] == 1_000_000
    # Defaults, settings that decide nothing, and settings without an effect here.
    for name in ("beta1", "z_dim", "data_dir", "run_dir", "log_every", "mode_radius", "width"):
        assert name not in found
    assert "label_fake" not in values(of(dataset="hwdb", loss="nsgan"))
    given = {"beta1": 0.6, "z_dim": 7, "log_every": 3, "epsilon": 1e-7}
    found = values(of(dataset="hwdb", **given))
    assert (found["beta1"], found["z_dim"], found["epsilon"]) == (0.6, 7, 1e-7)
    assert "log_every" not in found


def test_none_is_in_words():
    found = values(of(dataset="mixture", learning_rate=1e-3))
    assert found["generator_learning_rate"] == "learning_rate"
    assert {type(value) for value in found.values()} <= {bool, int, float, str}


def test_tensorboard_reads_what_is_written():
    config = of(dataset="mixture", z_dim=2)
    tag, start = content(session_start(config))
    assert tag == metadata.SESSION_START_INFO_TAG
    read = metadata.parse_session_start_info_plugin_data(start)
    assert read.hparams["z_dim"].number_value == 2
    assert read.hparams["dataset"].string_value == "mixture"
    assert read.hparams["conditional"].bool_value is False
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
    ((_,), (shown,)) = cells(f"| head |\n| --- |\n| {escaped_markdown(text)} |")
    assert shown == " ".join(text.split())


def test_every_setting_has_its_row():
    given = {"dataset": "hwdb", "conditional": True, "data_dir": "a|b <img src=x> `c` *d*\n| e"}
    config, origins = resolve(given, dict.fromkeys(given, "command line"))
    config = dataclasses.replace(config, data_shape=(28, 28, 1), data_description="67 |#| classes")
    table = cells(settings_table(config, origins))
    assert table[0] == ["setting", "value", "origin"]
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
