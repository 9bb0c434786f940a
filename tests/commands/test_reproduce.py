"""The command as a user meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from lsgan_tf.util import locks


def reproduce(*words):
    return subprocess.run(
        [sys.executable, "-m", "lsgan_tf", "reproduce", *words],
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--experiment: expected one of theory, mixture"),
        (["--experiment=figure9"], "there is no such experiment; there are theory: "),
        (["--experiment=mixture"], "--out: expected the folder"),
        (["--experiment=mixture", "--out=o", "--variant=x"], "has paper, doubled"),
        (["--experiment=mixture", "--out=o", "--", "--steps=x"], "steps"),
        (["--experiment=theory", "--out=o", "--seeds=3"], "--seeds: the experiment theory trains"),
        (["--experiment=theory", "--out=o", "--", "--steps=3"], "--steps=3: the experiment theory"),
        (
            ["--experiment=mixture", "--out=o", "--draw_only", "--parallel=2"],
            "--parallel: has no effect with --draw_only",
        ),
    ],
)
def test_mistakes_are_told_in_one_line(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = reproduce(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_failed_setting_is_told_and_the_page_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out"
    words = [
        "--experiment=characters", "--scale=small", "--seeds=1", f"--out={out}", "--",
        "--devices=cpu:2", "--batch_size=9",
    ]  # fmt: skip
    done = reproduce(*words)
    assert done.returncode == 1, done.stderr
    assert "failed: hwdb-seed0: main ended with status 2: error: --batch_size=9" in done.stderr
    page = (out / "page.md").read_text(encoding="utf-8")
    assert "**0 of 1 runs are finished.** Not in the results below: hwdb seed 0 (failed)" in page
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert [run["status"] for run in results["runs"]] == ["failed"]
    other = reproduce("--experiment=theory", f"--out={out}")
    assert other.returncode == 2
    assert "contains the experiment characters and this is theory" in other.stderr


def test_one_process_at_a_time_works_on_a_folder(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    words = ["--experiment=mixture", f"--out={out}"]
    with locks.take(out / ".lock"):
        done = reproduce(*words)
        drawn = reproduce(*words, "--draw_only")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert f"another process (number {os.getpid()}) uses this folder" in done.stderr
    assert not (out / "runs").exists()
    # Looking is allowed.
    assert drawn.returncode == 0 and (out / "page.md").is_file()
