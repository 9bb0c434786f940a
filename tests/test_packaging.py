"""What is published: source distribution, wheel and metadata."""

from __future__ import annotations

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

import lsgan_tf

ROOT = Path(__file__).parents[1]
_FILES = {
    "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "MANIFEST.in", "README.md",
    "constraints.txt", "ruff.toml", "setup.cfg", "setup.py",
}  # fmt: skip
_FOLDERS = {".ci", ".github", "docs", "flags", "lsgan_tf", "tests", "tools"}


def build(kind, folder, out):
    """Builds as `pip` and `build` do; the file's path."""
    code = f"import sys; from setuptools import build_meta; build_meta.build_{kind}(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, out], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (path,) = out.iterdir()
    return path


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    for name in ("tree", "out"):
        (folder / name).mkdir()
    for name in _FILES:
        shutil.copy(ROOT / name, folder / "tree")
    for name in _FOLDERS:
        shutil.copytree(ROOT / name, folder / "tree" / name)
    return build("sdist", folder / "tree", folder / "out")


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """Built of the source distribution alone."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "tree")
    (tree,) = (folder / "tree").iterdir()
    (folder / "out").mkdir()
    return build("wheel", tree, folder / "out")


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The wheel in a folder of its own, its scripts under `bin`."""
    folder = tmp_path_factory.mktemp("installed")
    words = ["--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *words, f"--target={folder}", wheel], check=True
    )
    return folder


@pytest.fixture
def run(installed, tmp_path):
    """Runs a console script of the wheel, in an empty folder."""
    cwd = tmp_path / "elsewhere"
    cwd.mkdir()
    environment = {
        **os.environ,
        "PYTHONPATH": str(installed),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        # Only there does a script see the packages that the tests see.
        "PATH": f"{installed / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }

    def run(script, *words):
        done = subprocess.run(
            [sys.executable, installed / "bin" / script, *words],
            capture_output=True,
            text=True,
            cwd=cwd,
            env=environment,
        )
        assert list(cwd.iterdir()) == []
        return done

    return run


def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def files_of(folder):
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_source_distribution_is_what_a_clone_is(sdist):
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    made = {"PKG-INFO", "lsgan_tf.egg-info"}
    assert {name.partition("/")[0] for name in names} == _FILES | _FOLDERS | made
    for folder in _FOLDERS:
        assert files_of(folder) <= names, folder
    assert not any("__pycache__" in name for name in names)


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = {name for name in names if name.startswith("lsgan_tf/")}
    assert package == files_of("lsgan_tf")
    assert all(".dist-info/" in name for name in names - package)


def test_metadata(wheel):
    found = metadata(wheel)
    assert (found["Name"], found["Version"]) == ("lsgan_tf", lsgan_tf.__version__)
    assert found["License-Expression"] == "Apache-2.0 AND Arphic-1999"
    assert len(found.get_all("License-File")) == 2
    assert "License" not in found and "License ::" not in str(found.get_all("Classifier"))
    assert {"plots", "demo", "ocr", "test", "cuda", "bench"} <= set(found.get_all("Provides-Extra"))


def test_both_licences_are_in_the_wheel(wheel):
    strokes = ROOT / "lsgan_tf" / "data" / "synthetic" / "strokes_gb2312" / "ARPHICPL.TXT"
    with zipfile.ZipFile(wheel) as archive:
        found = [archive.read(name) for name in archive.namelist() if "/licenses/" in name]
    assert sorted(found) == sorted([(ROOT / "LICENSE").read_bytes(), strokes.read_bytes()])


def test_help_and_version_outside_the_clone(run):
    done = run("lsgan_tf", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "    train          " in done.stdout
    for script in ("lsgan_tf", "lsgan-train", "lsgan-runs"):
        assert run(script, "--version").stdout == f"lsgan_tf {lsgan_tf.__version__}\n"
    assert "--checkpoint" in run("lsgan-evaluate", "--help").stdout


def test_a_preset_outside_the_clone(run):
    done = run("lsgan-train", "--preset=hwdb_quick", "--steps=7", "--dry_run", "--devices=cpu")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line.strip()}
    assert rows["width"] == ["0.25", "preset", "hwdb_quick"]
    assert rows["steps"] == ["7", "command", "line"]
    assert rows["12"][:1] == ["classes:"]


def test_an_unknown_preset_outside_the_clone(run):
    done = run("lsgan_tf", "train", "--preset=hwdb_fast")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: --preset=hwdb_fast: there is no such preset")


def test_the_citation_is_of_this_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.*)$", text, re.MULTILINE)[1] == lsgan_tf.__version__


def test_ci_runs_on_every_python_that_is_supported():
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    supported = re.findall(r"Python :: (3\.\d+)", setup["metadata"]["classifiers"])
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert re.findall(r'"(3\.\d+)"', workflow) == supported
    assert "- run: .ci/run\n" in workflow
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_changelog_is_of_this_version():
    """Versions from the newest down, each with headings of Keep a Changelog's."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    assert versions[0] == "Unreleased" and versions[1] == lsgan_tf.__version__
    kinds = set(re.findall(r"^### (.*)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert {"Added", "Changed", "Fixed"} <= kinds
