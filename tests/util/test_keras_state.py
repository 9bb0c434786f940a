"""The user's global Keras settings have no effect, and are restored."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import keras
import pytest
from run_differences import differences

from lsgan_tf.util.keras_state import neutral
from lsgan_tf.util.tensorflow_setup import ONEDNN

ODD = {"floatx": "float16", "epsilon": 0.1, "image_data_format": "channels_first"}
SHORT_JUDGE = """
from lsgan_tf.util.tensorflow_setup import import_tensorflow
import_tensorflow()
from lsgan_tf.metrics.judge import training as judge_training
judge_training._FEWEST_STEPS = 60
"""
MAIN = f"""{SHORT_JUDGE}
from lsgan_tf import main
from lsgan_tf.cli.app import run
run(main.main, usage="")
"""
TRAIN = """
import pathlib, sys
import keras
keras.config.set_image_data_format("channels_first")
keras.config.set_floatx({floatx!r})
keras.config.set_epsilon(0.1)
keras.config.set_dtype_policy({policy!r})
{judge}
from absl import flags
from lsgan_tf import train
from lsgan_tf.cli import flags as flagging
values = flags.FlagValues()
flagging.define_flags(values)
values(sys.argv[:1] + sys.argv[2:])
config, origins = flagging.from_flags(sys.argv[:1] + sys.argv[2:], values)
assert train(config, origins, pathlib.Path(sys.argv[1])) == 0
assert keras.config.image_data_format() == "channels_first"
assert keras.config.floatx() == {floatx!r}
assert keras.config.epsilon() == 0.1
assert keras.config.dtype_policy().name == {policy!r}
"""


@pytest.fixture(scope="module")
def words(tiny_run):
    more = ["--deterministic", "--devices=cpu:1", "--ema_decay=0.9", "--steps=6"]
    return [*tiny_run.flags, *more, "--evaluate_every=6", "--metrics=judge",
            "--evaluate_samples=20", "--watch_every=3"]  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(words, tmp_path_factory):
    home = tmp_path_factory.mktemp("keras")
    run, cache = home / "undisturbed", home / "cache"
    done = start(("-c", MAIN, *words, f"--cache_dir={cache}", f"--run_dir={run}"), home)
    assert done.returncode == 0, done.stderr
    return run


def start(arguments, home, **environment):
    # A judge of its own, or the settings would have no part in one. A program that imports Keras
    # first has TensorFlow's own default for oneDNN, whose results differ.
    environment = {**os.environ, **ONEDNN, "HOME": str(home), **environment}
    environment.pop("KERAS_HOME", None)
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, env=environment
    )


def start_with_settings(content, program, words, home):
    settings = home / ".keras" / "keras.json"
    settings.parent.mkdir()
    settings.write_text(content)
    done = start((*program, *words), home)
    assert done.returncode == 0, done.stderr
    assert settings.read_text() == content


def test_the_settings_file_is_not_read(words, undisturbed, tmp_path):
    more = (f"--cache_dir={tmp_path / 'cache'}", f"--run_dir={tmp_path / 'run'}")
    start_with_settings(json.dumps(ODD), ("-c", MAIN), [*words, *more], tmp_path)
    assert differences(undisturbed, tmp_path / "run") == []


@pytest.mark.parametrize("content", [json.dumps({"floatx": "int3"}), "[1]", "{"])
def test_a_damaged_settings_file_does_no_harm(words, tmp_path, content):
    """Keras would fail in its import, so networks need only be made."""
    start_with_settings(content, ("-m", "lsgan_tf.main"), [*words, "--dry_run"], tmp_path)


@pytest.mark.parametrize(
    ("floatx", "policy"), [("float16", "float16"), ("float64", "mixed_bfloat16")]
)
def test_what_a_program_has_set_decides_nothing_and_comes_back(
    words, undisturbed, tmp_path, floatx, policy
):
    script = TRAIN.format(floatx=floatx, policy=policy, judge=SHORT_JUDGE)
    more = [f"--cache_dir={tmp_path / 'cache'}"]
    done = start(
        ("-c", script, tmp_path / "run", *words, *more), tmp_path, KERAS_BACKEND="tensorflow"
    )
    assert done.returncode == 0, done.stderr
    assert differences(undisturbed, tmp_path / "run") == []


def test_settings_come_back_after_an_error():
    keras.config.set_epsilon(0.25)
    try:
        with pytest.raises(KeyError), neutral():
            assert keras.config.epsilon() == 1e-7
            raise KeyError
        assert keras.config.epsilon() == 0.25
    finally:
        keras.config.set_epsilon(1e-7)
