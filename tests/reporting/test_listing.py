from __future__ import annotations

import functools
import json
import signal
import subprocess
import sys

import pytest

from lsgan_tf.errors import UserError
from lsgan_tf.reporting.listing import SORT_KEYS, Filter, as_json, find, table


def test_one_line_a_run(make_run, command, tmp_path):
    make_run("good", step=1000, log="finished 1,000 steps", conditional=True)
    make_run("odd\x1b[2Jname")
    (tmp_path / "runs" / "empty").mkdir()
    (make_run("bad") / "config.json").write_text("{")
    done = command("runs", tmp_path / "runs")
    assert done.returncode == 0, done.stderr
    head, bad, empty, good, odd = done.stdout.splitlines()
    assert head.split() == ["run", "dataset", "loss", "step", "best", "state", "size", "changed"]
    assert bad.startswith("bad ") and "damaged" in bad
    assert empty.startswith("empty ") and "the folder is empty" in empty
    for part in ("good", "hwdb, conditional", "lsgan", "1,000 of 1,000 (100%)", "finished"):
        assert part in good
    assert "stale" in odd and "\x1b" not in odd


def test_no_runs(command, tmp_path):
    done = command("runs", tmp_path)
    assert (done.returncode, done.stdout) == (0, f"no runs in {tmp_path}\n")
    done = command("runs", cwd=tmp_path)
    assert done.returncode == 2 and "runs: no such folder" in done.stderr


def test_watching_goes_on_until_ctrl_c(make_run):
    path = make_run()
    words = [sys.executable, "-m", "lsgan_tf.runs", str(path), "--watch", "--every=0.5"]
    # A shell's background jobs ignore Ctrl-C, and what they start inherits that.
    listens = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=listens
    ) as seen:
        lines = [seen.stdout.readline() for _ in range(8)]
        seen.send_signal(signal.SIGINT)
        assert seen.wait(30) == 130
        assert "Traceback" not in seen.stderr.read()
    assert sum("300 of 1,000 (30%)" in line for line in lines) == 2


def test_every_is_for_watching(command, tmp_path):
    done = command("runs", tmp_path, "--every=3")
    assert done.returncode == 2
    assert done.stderr == "error: --every: requires --watch; give that too, or omit it\n"


@pytest.fixture
def runs(make_run, tmp_path):
    """A folder with three runs on two datasets."""
    make_run("安宁", step=300, log="stopped by SIGTERM at step 300")
    make_run("b", step=1000, dataset="cifar10", seed=3, conditional=True)
    path = make_run("c", step=600)
    row = {"step": 600, "figures": {"fid": 12.5}}
    (path / "evaluations.jsonl").write_text(json.dumps(row))
    return tmp_path / "runs"


def names(found):
    return [listed.name for listed in found]


def test_sorted_by_any_column(runs):
    assert names(find([runs])) == ["b", "c", "安宁"]
    assert names(find([runs], sort="step")) == ["安宁", "c", "b"]
    assert names(find([runs], sort="-step")) == ["b", "c", "安宁"]
    assert names(find([runs], sort="best"))[0] == "c"
    assert names(find([runs], sort="state")) == ["b", "安宁", "c"]
    for key in SORT_KEYS:
        assert sorted(names(find([runs], sort=key))) == ["b", "c", "安宁"]
        reverse = names(find([runs], sort=f"-{key}"))
        assert sorted(reverse) == ["b", "c", "安宁"]
    with pytest.raises(UserError, match=r"--sort=speed: expected one of run, dataset, .*=-step"):
        find([runs], sort="speed")


def test_filtered(runs):
    assert names(find([runs], Filter(dataset="hwdb"))) == ["c", "安宁"]
    assert names(find([runs], Filter(states=["stopped", "finished"]))) == ["b", "安宁"]
    assert names(find([runs], Filter(dataset="hwdb", states=["finished"]))) == []
    assert names(find([runs], Filter(text="安"))) == ["安宁"]
    assert names(find([runs], Filter(text="CONDITIONAL"))) == ["b"]
    assert names(find([runs], Filter(text="fid"))) == ["c"]
    with pytest.raises(UserError, match="--state=done: expected one of running, finished"):
        Filter(states=["done"])


def test_columns_line_up_under_chinese_names(runs):
    head, *lines = table(find([runs])).splitlines()
    column = head.index("dataset")
    assert lines[0][column:].startswith("cifar10")
    assert lines[2].startswith("安宁" + " " * (column - 4) + "hwdb")


def test_a_damaged_run_does_not_widen_the_table(runs):
    config = {"format": 1, "dataset": "h" * 100_000, "loss": "l" * 100_000, "steps": 3}
    (runs / "d").mkdir()
    (runs / "d" / "config.json").write_text(json.dumps(config))
    row = {"step": 3, "m" * 100_000: 1.5}
    (runs / "d" / "evaluations.jsonl").write_text(json.dumps(row))
    assert max(map(len, table(find([runs])).splitlines())) < 400


def test_json_holds_what_the_table_shows(runs):
    text = as_json(find([runs]))
    first, second, third = json.loads(text)
    assert (first["run"], first["dataset"], first["conditional"]) == ("b", "cifar10", True)
    assert (first["seed"], first["step"], first["steps"]) == (3, 1000, 1000)
    assert first["state"] == "finished" and first["best"] is None and first["bytes"] > 0
    assert second["best"] == {"name": "fid", "value": 12.5, "step": 600}
    assert third["run"] == "安宁" and text.isascii()


def test_flags_choose_and_order(runs, command):
    done = command("runs", runs, "--dataset=hwdb", "--sort=-run", "--json")
    assert [row["run"] for row in json.loads(done.stdout)] == ["安宁", "c"]
    assert command("runs", runs, "--text=nothing", "--json").stdout == "[]\n"
    done = command("runs", runs, "--state=diverged")
    assert done.stdout == f"no runs that match in {runs}\n"
    done = command("runs", runs, "--json", "--watch")
    assert done.returncode == 2 and done.stderr.startswith("error: --json and --watch: ")
