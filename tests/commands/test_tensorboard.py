"""TensorBoard on runs by their names."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request

from lsgan_tf.monitoring.tensorboard.summaries import Summaries


def call(*words, cwd):
    return subprocess.run(
        [sys.executable, "-m", "lsgan_tf", "tensorboard", *words],
        capture_output=True,
        text=True,
        cwd=cwd,
    )


def test_without_runs_there_is_nothing_to_open(tmp_path):
    done = call(cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: runs: no such folder; ")
    done = call(".", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("error: no runs in .; ")


def test_runs_are_called_by_their_names(make_run, tmp_path):
    for name in ("快", "exp/seed0"):
        summaries = Summaries(make_run(name) / "tensorboard")
        summaries.scalars(1, {"loss/d": 0.5})
        summaries.close()
    said = tmp_path / "stderr.txt"
    with said.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "lsgan_tf", "tensorboard", "--port=0", "--", "--window_title=t"],
            stdout=stream,
            stderr=stream,
            cwd=tmp_path,
        )
    try:
        while not (match := re.search(r"(http://\S+?)/? \(Press", said.read_text())):
            assert process.poll() is None, said.read_text()
            time.sleep(0.2)
        names = []
        for _ in range(300):
            with urllib.request.urlopen(f"{match[1]}/data/runs") as answer:
                names = json.load(answer)
            if len(names) == 2:
                break
            time.sleep(0.2)
        assert sorted(names) == ["exp/seed0", "快"]
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 143
    assert said.read_text().endswith("stopped by SIGTERM\n")
    assert "All log messages before absl" not in said.read_text()
