"""Runs by their names for TensorBoard."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lsgan_tf.reporting.run_links import RunLinks

pytestmark = pytest.mark.fast


@pytest.fixture
def make(make_run):
    """A run with a TensorBoard folder."""

    def made(name):
        path = make_run(name)
        (path / "tensorboard").mkdir()
        return path

    return made


@pytest.fixture
def place(tmp_path):
    path = tmp_path / "place"
    path.mkdir()
    return path


def linked(place):
    return {
        path.relative_to(place).as_posix(): path.resolve()
        for path in place.rglob("*")
        if path.is_symlink()
    }


def test_each_run_has_its_name_below_the_folder(make, place, tmp_path):
    quick, nested = make("快"), make("exp/seed0")
    assert RunLinks(place, [tmp_path / "runs"]).update() == 2
    expected = {"快": quick / "tensorboard", "exp/seed0": nested / "tensorboard"}
    assert linked(place) == expected


def test_a_run_alone_has_its_own_name(make, place, tmp_path, monkeypatch):
    path = make("quick")
    RunLinks(place, [path]).update()
    assert linked(place) == {"quick": path / "tensorboard"}
    monkeypatch.chdir(path)
    (tmp_path / "here").mkdir()
    RunLinks(tmp_path / "here", [Path(".")]).update()
    assert list(linked(tmp_path / "here")) == ["quick"]


def test_new_runs_appear_and_lost_ones_go(make, make_run, place, tmp_path):
    first = make("first")
    links = RunLinks(place, [tmp_path / "runs"])
    assert links.update() == 1
    make_run("not yet")  # without events
    make("second")
    assert links.update() == 2 and set(linked(place)) == {"first", "second"}
    first.rename(tmp_path / "elsewhere")
    assert links.update() == 1 and set(linked(place)) == {"second"}


def test_nothing_is_made_within_a_run(make, place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outer, inner = make("other/runs"), make("exp/one")
    assert RunLinks(place, [Path("runs/other/runs"), Path("runs/exp")]).update() == 2
    assert list((outer / "tensorboard").iterdir()) == []
    expected = {"runs": outer / "tensorboard", "runs-exp-one-2": inner / "tensorboard"}
    assert linked(place) == expected


def test_several_folders_keep_their_paths(make, place, tmp_path, monkeypatch):
    for name in ("x/one", "y/one"):
        make(name)
    monkeypatch.chdir(tmp_path / "runs" / "x")
    RunLinks(place, [Path("../x"), tmp_path / "runs" / "y"]).update()
    assert set(linked(place)) == {"x/one", os.path.join(*(tmp_path / "runs" / "y/one").parts[1:])}
