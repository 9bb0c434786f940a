from __future__ import annotations

import functools
import signal
import subprocess
import sys


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
