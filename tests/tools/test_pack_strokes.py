from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lsgan_tf.data.synthetic import strokes

TOOL = Path(__file__).parents[2] / "tools" / "pack_strokes.py"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A package with two characters."""
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "ARPHICPL.TXT").write_text("the licence\n")
    (folder / "package.json").write_text('{"version": "9.8.7"}')
    record(folder, "十", [[[0, 900], [1023, 400]], [[512, 800], [512, 500], [512, -123]]], [0])
    record(folder, "一", [[[100, 401], [101, 400], [102, 400]]], None)
    return folder


def record(folder: Path, character: str, medians: object, radical: list[int] | None) -> None:
    content = {"strokes": ["M 0 0"], "medians": medians}
    if radical is not None:
        content["radStrokes"] = radical
    (folder / f"{character}.json").write_text(json.dumps(content), encoding="utf-8")


def run(source: Path, out: Path, *more: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [
            sys.executable,
            str(TOOL),
            f"--source={source}",
            f"--out={out}",
            "--changed_on=2001-02-03",
            "--characters=十一",
            *more,
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def test_packs_what_strokes_unpacks(source: Path, tmp_path: Path):
    out = tmp_path / "out"
    done = run(source, out)
    assert done.returncode == 0, done.stderr
    assert "2 characters, 3 strokes" in done.stdout
    packed = strokes.unpack((out / "strokes.npz").read_bytes())
    assert packed.characters == ("十", "一")
    assert packed.radical("十").tolist() == [True, False]
    assert packed.radical("一").tolist() == [False]
    across, down = packed.medians("十")
    # y from 900 at the top to -124 at the bottom; middles of cells of 4 units.
    np.testing.assert_allclose(across * 1024, [[2, 2], [1022, 502]], atol=1e-4)
    np.testing.assert_allclose(down * 1024, [[514, 102], [514, 402], [514, 1022]], atol=1e-4)
    # Points that fall into one cell become one; a stroke keeps two in any case.
    np.testing.assert_allclose(packed.medians("一")[0] * 1024, [[102, 498], [102, 502]], atol=1e-4)


def test_the_licence_goes_along_and_the_change_is_told(source: Path, tmp_path: Path):
    run(source, tmp_path / "out", "--changed_by=me")
    assert (tmp_path / "out" / "ARPHICPL.TXT").read_text() == "the licence\n"
    with np.load(tmp_path / "out" / "strokes.npz") as packed:
        notice = str(packed["notice"])
    assert "changed by me on 2001-02-03" in notice
    assert "hanzi-writer-data 9.8.7" in notice


def test_equal_sources_make_equal_files(source: Path, tmp_path: Path):
    for name in "ab":
        run(source, tmp_path / name)
    first, second = ((tmp_path / name / "strokes.npz").read_bytes() for name in "ab")
    assert first == second


def remove_character(source: Path) -> None:
    (source / "一.json").unlink()


def remove_licence(source: Path) -> None:
    (source / "ARPHICPL.TXT").unlink()


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (remove_character, "一.json"),
        (remove_licence, "--source"),
        (lambda source: record(source, "一", [[[0, 901], [5, 5]]], None), "一.json"),
        (lambda source: record(source, "一", [[1, 2]], None), "一.json"),
        (lambda source: record(source, "一", 5, None), "一.json"),
        (lambda source: record(source, "一", [[]], None), "一.json"),
        (lambda source: (source / "一.json").write_text("[1]"), "一.json"),
        (lambda source: (source / "一.json").write_text("{"), "一.json"),
    ],
    ids=["missing", "licence", "outside", "point", "number", "empty", "list", "json"],
)
def test_a_bad_source_is_a_one_line_error(source: Path, tmp_path: Path, damage, named: str):
    damage(source)
    done = run(source, tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert named in done.stderr
    assert not (tmp_path / "out" / "strokes.npz").exists()
