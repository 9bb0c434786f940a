import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[2] / "tools" / "soak.py"
FLAGS = [
    "--dataset=mixture", "--steps=200", "--steps_per_call=5", "--batch_size=16", "--log_every=10",
    "--sample_every=100", "--checkpoint_every=20", "--jit_compile=off",
]  # fmt: skip


def soak(*words):
    return subprocess.run([sys.executable, TOOL, *words], capture_output=True, text=True)


def test_counts_kills_and_identical_ends(tmp_path):
    folder = tmp_path / "soak"
    done = soak("--kills=2", "--kills_per_run=2", f"--folder={folder}", "--", *FLAGS)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith("undisturbed run: ")
    counts = lines[-1].split()
    assert int(counts[0]) >= 1
    assert "ends identical to the undisturbed run's" in lines[-1]
    # Identical runs are removed.
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["undisturbed"]
    again = soak("--kills=1", f"--folder={folder}", "--", *FLAGS)
    assert again.returncode == 2 and "contains an earlier soak" in again.stderr


def test_terminals_are_closed(tmp_path):
    folder = tmp_path / "soak"
    words = ("--kills=1", "--terminal", f"--folder={folder}", "--", *FLAGS)
    done = soak(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    line = done.stdout.splitlines()[-1]
    assert "1 closed terminal, " in line
    assert "1 of 1 ends identical to the undisturbed run's" in line


def test_needs_an_end():
    done = soak("--kills=0", "--", *FLAGS)
    assert done.returncode == 2
    assert done.stderr.startswith("error: --kills=0 without --minutes")


def test_a_run_that_fails_is_told(tmp_path):
    done = soak("--kills=1", f"--folder={tmp_path}/soak", "--", *FLAGS, "--z_dim=0")
    assert done.returncode == 2
    assert "the run undisturbed ended with status 2; see " in done.stderr
