from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from lsgan_tf.data.formats import gnt
from lsgan_tf.data.synthetic import handwriting as standin

TOOL = Path(__file__).parents[2] / "tools" / "compare_standin.py"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of characters in place of real ones."""
    folder = tmp_path_factory.mktemp("real")
    gnt.write(folder / "a.gnt", standin.draw("安宽容", writers=range(100, 108), seed=3))
    return folder


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(TOOL), *arguments], capture_output=True, text=True, check=False
    )


def test_writes_an_image_and_a_table(real: Path, tmp_path: Path):
    out = tmp_path / "out.png"
    done = run(f"--data_dir={real}", f"--out={out}", "--samples=8", "--columns=3")
    assert done.returncode == 0, done.stderr
    with Image.open(out) as picture:
        # Three rows of bitmaps as they are, three at 28x28; 2 x 3 columns.
        assert picture.width == 2 * 3 * 84
        assert picture.height > 6 * 84
    table = {line[:32].strip(): line for line in done.stdout.splitlines() if "stand-in " in line}
    assert "height, pixels" in table
    # The same kind of data on both sides, so that the statistics agree.
    words = table["their ratio"].split()
    values = [float(words[words.index(kind) + 1]) for kind in ("real", "stand-in")]
    assert values[0] == pytest.approx(values[1], rel=0.15)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(["--show=国"], "国"), (["--samples=0"], "samples"), (["more"], "more")],
)
def test_bad_arguments(real: Path, tmp_path: Path, arguments: list[str], named: str):
    done = run(f"--data_dir={real}", f"--out={tmp_path / 'out.png'}", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert named in done.stderr
    assert not list(tmp_path.iterdir())


def test_no_such_folder(tmp_path: Path):
    done = run(f"--data_dir={tmp_path / 'none'}")
    assert done.returncode == 2
    assert "no such data folder" in done.stderr
