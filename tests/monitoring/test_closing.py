"""What a run shows at its end."""

from __future__ import annotations

import dataclasses
import shlex

import pytest

from lsgan_tf.config import resolve
from lsgan_tf.monitoring.closing import next_steps

pytestmark = pytest.mark.fast


def lines(path, classes=(), shape=(28, 28, 1), **given):
    config = dataclasses.replace(resolve(given, {})[0], data_shape=shape)
    first, *rows = next_steps(config, classes, path).splitlines()
    assert first == "next:"
    return dict(row.strip().split("  ", 1) for row in rows)


def test_commands_name_the_run_and_can_be_copied(tmp_path):
    path = tmp_path / "my run"
    found = lines(path, conditional=True, classes=list("啊阿埃安宁"))
    words = shlex.split(found["more samples"])
    assert words[:3] == ["python", "-m", "lsgan_tf.sample"]
    assert words[3:] == [f"--run_dir={path}", "--text=啊阿埃安", "--out=line.png"]
    assert shlex.split(found["report"])[-1] == str(path)
    assert str(path) in found["TensorBoard"]
    assert found["SavedModel, model card"].strip() == str(path / "export")


def test_a_run_without_an_export_shows_how_to_write_one_first(tmp_path):
    found = lines(tmp_path, dataset="digits", export_at_end=False)
    assert found["SavedModel"].split() == f"python -m lsgan_tf.export --run_dir={tmp_path}".split()
    assert "SavedModel, model card" not in found
    assert list(found).index("SavedModel") < list(found).index("more samples")


@pytest.mark.parametrize(
    ("given", "shape", "classes", "words"),
    [
        ({"dataset": "cifar10", "conditional": True}, (32, 32, 3), ["ship", "frog"], "--count=64"),
        ({"dataset": "digits"}, (28, 28, 1), list("0123456789"), "--count=64"),
        ({"dataset": "mixture"}, (2,), [], "--count=1000 --out=samples.npz"),
    ],
)
def test_what_is_drawn_fits_the_generator(tmp_path, given, shape, classes, words):
    assert words in lines(tmp_path, classes, shape, **given)["more samples"]
