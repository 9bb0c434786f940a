from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest


def human_study(*words):
    return subprocess.run(
        [sys.executable, "-m", "lsgan_tf", "human-study", *map(str, words)],
        capture_output=True,
        text=True,
    )


@pytest.fixture
def sets(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (8, 6, 6), dtype=np.uint8)
    for name, values in (("a", images), ("b", 255 - images)):
        np.savez(tmp_path / f"{name}.npz", images=values, chars=np.array([""] * 8))
    return tmp_path


def test_from_two_sets_to_a_tally(sets):
    words = [f"--a={sets / 'a.npz'}", f"--b={sets / 'b.npz'}", "--name_a=LSGAN", "--pairs=5"]
    done = human_study(*words, f"--out={sets / 's.html'}")
    assert done.returncode == 0, done.stderr
    key = json.loads((sets / "s.key.json").read_text())
    assert key["names"] == ["LSGAN", "B"] and len(key["left"]) == 5
    assert "data:image/png" in (sets / "s.html").read_text()
    votes = {"format": 1, "study": key["study"], "voter": "v", "votes": ["left"] * 5}
    (sets / "votes.json").write_text(json.dumps(votes))
    done = human_study(
        "--tally", f"--key={sets / 's.key.json'}", f"--out={sets / 't.json'}", sets / "votes.json"
    )
    assert done.returncode == 0, done.stderr
    wins = key["left"].count("a")
    assert f"5 votes of 1 voter\nLSGAN: {wins} (" in done.stdout
    assert "The paper: 4,000 votes, 56.4% for LSGAN and 43.6% for DCGAN." in done.stdout
    assert json.loads((sets / "t.json").read_text())["counts"] == [wins, 5 - wins]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--a=a.npz"], "expected --a and --b"),
        (["--a=a.npz", "--b=a.npz", "--out=s.html"], "--a and --b are both a.npz"),
        (["--a=a.npz", "--b=b.npz", "--out=s.png"], "expected a name ending in .html"),
        (["--a=a.npz", "--b=none.npz", "--out=s.html"], "none.npz"),
        (["--a=a.npz", "--b=text.npz", "--out=s.html"], "text.npz: not a set of samples"),
        (["--a=a.npz", "--b=empty.npz", "--out=s.html"], "empty.npz: not a set of samples"),
        (["--a=a.npz", "--b=pipe.npz", "--out=s.html"], "pipe.npz: expected a regular file, found"),
        (["--a=a.npz", "--b=points.npz", "--out=s.html"], "points.npz: expected images, uint8"),
        (["--tally", "--key=k.json"], "--tally: expected --key"),
        (["--a=a.npz", "--b=b.npz", "--out=s.html", "--key=k"], "--key: requires --tally; give"),
        (["--tally", "--key=k.json", "v.json", "--pairs=3"], "--pairs: only for making a study"),
        (["--tally", "--key=k.json", "v.json", "--name_b=B"], "--name_b: only for making a study"),
    ],
)
def test_mistakes_are_told_in_one_line(words, message, sets, monkeypatch):
    monkeypatch.chdir(sets)
    (sets / "text.npz").write_text("no archive")
    (sets / "empty.npz").touch()
    os.mkfifo(sets / "pipe.npz")
    np.savez(sets / "points.npz", images=np.zeros((8, 2), np.float32), chars=np.array([""] * 8))
    done = human_study(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (sets / "s.html").exists()
