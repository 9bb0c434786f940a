import subprocess
import sys
from pathlib import Path

import numpy as np

from lsgan_tf.data.formats import gnt

TOOL = Path(__file__).parents[3] / "tools" / "bench" / "bench_data.py"


def test_every_measure_is_there(tmp_path):
    gnt.write(tmp_path / "data" / "a.gnt", [("安", np.full((30, 30), 9, np.uint8))] * 100)
    result = subprocess.run(
        [
            *(sys.executable, TOOL, f"--data_dir={tmp_path}/data", "--repeat=2", "--batches=3"),
            f"--cache_dir={tmp_path}/cache",
        ],
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("prepared at") == 2
    for measure in ("peak memory", "squashing", "read at random", "input pipeline alone"):
        assert measure in result.stdout
    assert not list((tmp_path / "cache").iterdir())


def test_a_cache_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    result = subprocess.run(
        [sys.executable, TOOL, f"--data_dir={tmp_path}", f"--cache_dir={tmp_path}/file/cache"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2 and result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"error: {tmp_path}/file/cache: ")


def test_preparations_of_lsun_are_not_repeated(tmp_path):
    words = [sys.executable, TOOL, f"--data_dir={tmp_path}", "--kind=lsun", "--repeat=2"]
    result = subprocess.run(words, capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr == "error: --repeat: only for --kind=hwdb; omit it\n"
