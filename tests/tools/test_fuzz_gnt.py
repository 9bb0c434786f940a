import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[2] / "tools" / "fuzz_gnt.py"


def test_a_short_run_finds_nothing(tmp_path):
    result = subprocess.run(
        [sys.executable, TOOL, "--files=300", "--prepare_every=50", f"--keep={tmp_path}/kept"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "read in part" in result.stdout and "refused" in result.stdout
    assert not (tmp_path / "kept").exists()
