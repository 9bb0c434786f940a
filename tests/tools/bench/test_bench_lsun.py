"""LSUN in the benchmark of data."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import lmdb
from PIL import Image

TOOL = Path(__file__).parents[3] / "tools" / "bench" / "bench_data.py"


def test_every_measure_is_there(tmp_path):
    folder = tmp_path / "tower_train_lmdb"
    folder.mkdir()
    sink = io.BytesIO()
    Image.new("RGB", (64, 48), "olive").save(sink, "JPEG")
    with lmdb.open(str(folder), map_size=1 << 24) as environment:
        with environment.begin(write=True) as transaction:
            for number in range(70):
                transaction.put(b"%040x" % number, sink.getvalue())
    (tmp_path / "cache").mkdir()
    result = subprocess.run(
        [
            *(sys.executable, TOOL, "--kind=lsun", f"--data_dir={folder}", "--image_size=16"),
            *(f"--cache_dir={tmp_path}/cache", "--batch_size=8", "--batches=3"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    for measure in (
        "70 images",
        "decoding and resizing alone: ",
        "preparing: ",
        "peak memory: ",
        "training from the LMDB: ",
        "training from prepared shards: ",
    ):
        assert measure in result.stdout
    assert not list((tmp_path / "cache").iterdir())
