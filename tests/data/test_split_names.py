"""Names of folders that stand for splits."""

from __future__ import annotations

import pytest

from lsgan_tf.data.split_names import split_of

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    "name",
    [
        "train",
        "Training",
        "trn",
        "train2017",
        "train_set",
        "images-train",
        "trainA",
        "訓練集",
        "train_B",
        "trainval",
        "train_lmdb",
        "seg_train",
        "训练集",
    ],
)
def test_training(name):
    assert split_of(name) == "train"


@pytest.mark.parametrize(
    "name",
    [
        "val",
        "valid",
        "validation",
        "VAL2014",
        "test",
        "testing",
        "tst",
        "test_images",
        "dev",
        "testB",
        "val_lmdb",
        "测试集",
        "測試組",
        "验证集",
    ],
)
def test_held_out(name):
    assert split_of(name) == "held out"


@pytest.mark.parametrize(
    "name",
    ["trains", "cat", "contest", "valley", "device", "images", "1", "安", "testa", "valb", "AB"],
)
def test_anything_else(name):
    assert split_of(name) is None


def test_a_long_number_is_read_at_once():
    # With a backtracking pattern each digit doubles the time.
    assert split_of("1" * 200) is None
    assert split_of("2012_test") == split_of("test20170101123456") == "held out"
