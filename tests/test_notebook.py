"""The notebook in docs/: it runs from top to bottom, and git holds it without outputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "docs" / "first_hour.ipynb"

# In a process of its own: what runs a kernel leaves loops and sockets behind.
EXECUTE = """
import json, sys
import nbclient, nbformat

notebook = nbformat.read(sys.argv[1], as_version=4)
place = {"metadata": {"path": sys.argv[2]}}
nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place).execute()
print(json.dumps([cell.get("outputs", []) for cell in notebook.cells]))
"""


def cells(kind):
    found = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == kind]


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The folder in which the notebook was run, and the outputs of each cell."""
    for name in ("nbclient", "ipykernel"):
        pytest.importorskip(name, reason=f"{name} is not installed")
    folder = tmp_path_factory.mktemp("docs")
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(folder / "cache"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(folder / "jupyter"),
    }
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, NOTEBOOK, folder],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return folder, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.fast
def test_it_holds_no_outputs():
    for cell in cells("code"):
        assert (cell["outputs"], cell["execution_count"]) == ([], None)
        assert cell["metadata"] == {}


def test_it_runs_from_top_to_bottom(executed):
    folder, outputs = executed
    assert not [out for cell in outputs for out in cell if out["output_type"] == "error"]
    pictures = [out for cell in outputs for out in cell if "image/png" in out.get("data", {})]
    assert len(pictures) == 2
    text = "".join(out.get("text", "") for cell in outputs for out in cell)
    assert "does not know 龘 (U+9F98)" in text and "judge_top1" in text
    for name in ("line.png", "run/export/saved_model.pb", "run/export/README.md"):
        assert (folder / "first_hour" / name).is_file(), name


def test_it_writes_only_where_it_says(executed):
    allowed = {"first_hour", "cache", "ipython", "jupyter"}
    assert {path.name for path in executed[0].iterdir()} <= allowed
