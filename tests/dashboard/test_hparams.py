"""A run's row in the HParams view."""

from __future__ import annotations

import pytest
import tensorflow as tf
from tensorboard.plugins.hparams import api_pb2, metadata

from lsgan_tf.config import resolve
from lsgan_tf.dashboard.hparams import Outcome, session_end, session_start, values


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
