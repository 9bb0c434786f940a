import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.data.formats import gnt

COMMAND = [sys.executable, "-m", "lsgan_tf", "verify-data"]


def run(*flags):
    return subprocess.run([*COMMAND, *flags], capture_output=True, text=True)


@pytest.fixture
def data_dir(tmp_path):
    gnt.write(tmp_path / "data" / "a.gnt", [("安", np.full((3, 3), 9, np.uint8))] * 3)
    return tmp_path / "data"


def test_sound_data_exits_with_0(data_dir):
    result = run(f"--data_dir={data_dir}")
    assert result.returncode == 0
    assert "train split: 3 images" in result.stdout


def test_damaged_data_exits_with_1(data_dir):
    path = data_dir / "a.gnt"
    path.write_bytes(path.read_bytes()[:-1])
    result = run(f"--data_dir={data_dir}")
    assert result.returncode == 1
    assert "a.gnt, byte 38: truncated" in result.stdout


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--data_dir={tmp}/nowhere"], "no such data folder"),
        (["--data_dir={tmp}"], "no data of a known kind in it"),
        (["--data_dir={tmp}", "--kind=hwdb"], "no .gnt file in it"),
        (["--data_dir={tmp}", "--kind=nothing"], "kind"),
        ([], "expected --data_dir=FOLDER"),
    ],
)
def test_what_cannot_be_read_exits_with_2_and_one_line(tmp_path, flags, message):
    result = run(*(flag.format(tmp=tmp_path) for flag in flags))
    assert result.returncode == 2
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert message in result.stderr


@pytest.mark.parametrize("given", ["", "HWDB1.1trn_gnt.alz"])
def test_an_archive_that_cannot_be_read_is_named(tmp_path, given):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "HWDB1.1trn_gnt.alz").write_bytes(b"ALZ\x01")
    result = run(f"--data_dir={tmp_path / 'x' / given}")
    assert result.returncode == 2
    assert "HWDB1.1trn_gnt.alz is an ALZip archive, which cannot be read here; unpack" in (
        result.stderr
    )


@pytest.mark.parametrize("flag", ["most", "cache_dir"])
def test_flags_of_other_data_are_refused(data_dir, flag):
    result = run(f"--data_dir={data_dir}", f"--{flag}=3")
    assert (result.returncode, result.stdout) == (2, "")
    said = f"error: --{flag}: not used for the data in {data_dir} (hwdb); omit it\n"
    assert result.stderr == said


def test_help_names_the_kinds():
    result = run("--help")
    assert result.returncode == 0
    assert "--data_dir" in result.stdout and "hwdb" in result.stdout


def test_images_are_sampled_or_all_decoded(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(5):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{number}.png")
    cache = f"--cache_dir={tmp_path / 'cache'}"
    for most, decoded in (("--most=2", "decoded 2 of 5"), ("--most=0", "decoded 5 of 5")):
        result = run(f"--data_dir={folder}", most, cache)
        assert result.returncode == 0, result.stderr
        assert decoded in result.stdout
    assert (tmp_path / "cache" / "image_folders").is_dir()
