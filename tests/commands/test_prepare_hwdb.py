import subprocess
import sys

import numpy as np
import pytest

from lsgan_tf.data.formats import gnt

COMMAND = [sys.executable, "-m", "lsgan_tf", "prepare-hwdb"]


@pytest.fixture
def run(tmp_path):
    gnt.write(
        tmp_path / "data" / "a.gnt",
        [(character, np.full((3, 3), 9, np.uint8)) for character in "安安安宁A"],
    )

    def run(*flags):
        return subprocess.run(
            [
                *(*COMMAND, f"--data_dir={tmp_path}/data"),
                *(f"--cache_dir={tmp_path}/cache", *flags),
            ],
            capture_output=True,
            text=True,
        )

    return run


def test_says_where_it_is_and_how_much(run, tmp_path):
    result = run()
    assert result.returncode == 0, result.stderr
    assert "4 images of 2 characters" in result.stdout
    assert "per class: 1 (宁) to 3 (安), median 2" in result.stdout
    assert "left out 1 image of 1 symbol or character" in result.stdout
    (images,) = (tmp_path / "cache").rglob("images.u8")
    assert f"prepared: {images.parent}" in result.stdout
    assert images.stat().st_size == 5 * 28 * 28


def test_options(run, tmp_path):
    result = run("--all_classes", "--image_size=16", "--keep_aspect")
    assert "5 images of 3 characters" in result.stdout
    (images,) = (tmp_path / "cache").rglob("images.u8")
    assert images.stat().st_size == 5 * 16 * 16


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--split=test"], "no test file in it"),
        (["--image_size=3"], "image_size"),
        (["--data_dir=/nowhere/at/all"], "no such data folder"),
        (["stray"], "expected flags only"),
        (["--standin_samples=3"], "--standin_samples: has no effect with --data_dir"),
        (["--data_dir=", "--all_classes"], "--all_classes: requires --data_dir; give that too"),
        (["--data_dir=", "--max_bad_records=1"], "--max_bad_records: requires --data_dir; give"),
    ],
)
def test_errors_are_one_line(run, flags, message):
    result = run(*flags)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert message in result.stderr
