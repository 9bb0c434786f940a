"""Names of datasets of tensorflow-datasets."""

from __future__ import annotations

import pytest

from lsgan_tf.data.tfds.names import parse_name, unknown
from lsgan_tf.errors import UserError

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("kmnist", ("kmnist", None, None)),
        ("emnist/balanced", ("emnist", "balanced", None)),
        ("kmnist:3.0.1", ("kmnist", None, "3.0.1")),
        ("emnist/balanced:3.1.0", ("emnist", "balanced", "3.1.0")),
        ("kmnist/3.0.1", ("kmnist", None, "3.0.1")),
        ("imagenet_resized/32x32/0.1.0", ("imagenet_resized", "32x32", "0.1.0")),
    ],
)
def test_what_is_a_name(text, parts):
    assert tuple(parse_name(text)) == parts


@pytest.mark.parametrize(
    "text",
    [
        "huggingface:mnist",
        "mnist/../x",
        "/mnist",
        "mnist:3",
        "../mnist",
        "a b",
        "mnist/x=1",
        "漢字",
    ],
)
def test_what_is_none(text):
    with pytest.raises(UserError, match=r"expected NAME, NAME/CONFIG or either with :VERSION"):
        parse_name(text)


def test_it_is_needed():
    with pytest.raises(UserError, match="--dataset=tfds needs --tfds_name"):
        parse_name(None)


def test_close_names():
    known = ["kmnist", "mnist", "lsun"]
    assert "did you mean kmnist or mnist?" in str(unknown(parse_name("kmnst"), known, "here"))
    assert "lists the names" in str(unknown(parse_name("zzz"), known, "here"))
