from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[2] / "tools" / "first_difference.py"


def run_tool(*words: object) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, TOOL, *map(str, words)], capture_output=True, text=True)


def watched(path: Path, *spreads: float) -> Path:
    rows = [{"step": 50 * n, "spread": spread} for n, spread in enumerate(spreads, 1)]
    (path / "watch.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_tells_the_first_check_above_the_threshold(make_run):
    runs = [
        watched(make_run("early", seed=3), 0.02, 0.4, 0.2, 0.9),
        watched(make_run("late"), 0.02, 0.03, 0.1, 0.3),
        watched(make_run("never"), 0.02, 0.03),
    ]
    done = run_tool(*runs)
    assert done.returncode == 0, done.stderr
    head, *rows, last = done.stdout.splitlines()
    assert " ".join(head.split()) == "first step spread then last step spread seed run"
    assert [row.split() for row in rows] == [
        ["100", "0.40", "200", "0.90", "3", str(runs[0])],
        ["200", "0.30", "200", "0.30", "0", str(runs[1])],
        ["not", "yet", "-", "100", "0.03", "0", str(runs[2])],
    ]
    assert last == "2 of 3 runs reach a spread of 0.3; median of the first step: 200"
    done = run_tool(*runs, "--threshold=0.5")
    assert done.stdout.splitlines()[-1] == (
        "1 of 3 runs reach a spread of 0.5; median of the first step: not yet"
    )


def test_mistakes_are_one_line(make_run, tmp_path):
    for words, said in (
        ([], "expected folders of runs"),
        ([tmp_path], "no config.json in it"),
        ([make_run("unwatched")], "train it with --watch_every=50"),
    ):
        done = run_tool(*words)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ") and said in done.stderr
        assert len(done.stderr.splitlines()) == 1
