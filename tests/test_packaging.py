"""What is published: source distribution, wheel and metadata."""

from __future__ import annotations

import email
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from pathlib import Path

import numpy as np
import pytest
import yaml
from packaging.metadata import Metadata

import lsgan_tf

ROOT = Path(__file__).parents[1]
_FILES = {
    "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "MANIFEST.in", "README.md",
    "constraints.txt", "ruff.toml", "setup.cfg", "setup.py",
}  # fmt: skip
_FOLDERS = {".ci", ".github", "docs", "flags", "lsgan_tf", "tests", "tools"}

# Runs commands of the installed package, each in a process forked from this one, because an import
# of TensorFlow takes seconds. The demo is asked for its page and then ended.
COMMANDS = """
import json, os, re, signal, sys, urllib.request
import lsgan_tf

assert lsgan_tf.__file__.startswith(sys.argv[1]), lsgan_tf.__file__
lsgan_tf.import_tensorflow()
import lsgan_tf.training, lsgan_tf.exporting.savedmodel
from lsgan_tf.__main__ import main


def start(words, output=None):
    child = os.fork()
    if not child:
        if output is not None:
            os.dup2(output, 1)
        sys.argv = ["lsgan_tf", *words]
        main()
    return child


def end(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


for words in json.loads(sys.argv[2]):
    print(words[0], end(start(words)), flush=True)
try:
    import gradio
except ImportError:
    sys.exit()
reading, writing = os.pipe()
child = start(["demo", "--saved_model=runs/marks/export", "--port=0"], writing)
os.close(writing)
try:
    address = re.search("open (http:[^ ]*)", os.fdopen(reading).readline())[1]
    with urllib.request.urlopen(address) as answer:
        print("demo", answer.status, "Least squares GAN" in answer.read().decode())
finally:
    os.kill(child, signal.SIGTERM)
    print("demo", end(child))
"""


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
def cwd(tmp_path):
    """An empty folder."""
    path = tmp_path / "elsewhere"
    path.mkdir()
    return path


@pytest.fixture
def python(installed, tmp_path, cwd):
    """Runs Python with the wheel, in an empty folder."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(installed),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        # Only there does a script see the packages that the tests see.
        "PATH": f"{installed / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }

    def python(*words):
        return subprocess.run(
            [sys.executable, *words], capture_output=True, text=True, cwd=cwd, env=environment
        )

    return python


@pytest.fixture
def run(python, installed, cwd):
    """Runs a console script of the wheel, in an empty folder."""

    def run(script, *words):
        done = python(installed / "bin" / script, *words)
        assert list(cwd.iterdir()) == []
        return done

    return run


def metadata(path):
    """The metadata file of a wheel or of a source distribution."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
            return archive.read(name)
    with tarfile.open(path) as archive:
        return archive.extractfile(f"{path.name.removesuffix('.tar.gz')}/PKG-INFO").read()


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
    found = email.message_from_bytes(metadata(wheel))
    assert (found["Name"], found["Version"]) == ("lsgan_tf", lsgan_tf.__version__)
    assert found["License-Expression"] == "Apache-2.0 AND Arphic-1999"
    assert len(found.get_all("License-File")) == 2
    assert "License" not in found and "License ::" not in str(found.get_all("Classifier"))
    assert {"plots", "demo", "ocr", "test", "cuda", "bench"} <= set(found.get_all("Provides-Extra"))


def test_package_indexes_accept_the_metadata(sdist, wheel):
    """Every field is valid; the workflow runs `twine check` too."""
    for path in (sdist, wheel):
        found = Metadata.from_email(metadata(path))
        assert found.description_content_type == "text/markdown"
        # Without images, whose relative links are dead there.
        lines = iter((ROOT / "README.md").read_text(encoding="utf-8").splitlines())
        assert all(line in lines for line in found.description.splitlines())
        assert "# lsgan_tf\n" in found.description and "![" not in found.description


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


def test_train_sample_evaluate_and_demo_outside_the_clone(python, installed, cwd, tmp_path):
    """A dataset of tensorflow-datasets, from training to the demo, with nothing but the wheel."""
    tfds = pytest.importorskip("tensorflow_datasets")
    rng = np.random.default_rng(0)
    rows = [{"image": rng.integers(0, 256, (10, 10, 1), np.uint8)} for _ in range(30)]
    data = tmp_path / "tensorflow_datasets"
    tfds.dataset_builders.store_as_tfds_dataset(
        name="marks",
        version="1.0.0",
        features=tfds.features.FeaturesDict({"image": tfds.features.Image(shape=(10, 10, 1))}),
        split_datasets={"train": list(enumerate(rows[:24])), "test": list(enumerate(rows[24:]))},
        data_dir=str(data),
        disable_shuffling=True,
    )
    # The network, without EMA weights, that is traced and exported in the least time.
    commands = [
        [
            "train", "--dataset=tfds", "--tfds_name=marks", f"--data_dir={data}", "--image_size=8",
            "--network=mlp", "--ema_decay=0", "--z_dim=6", "--batch_size=4", "--steps=2",
            "--devices=cpu", "--run_dir=runs/marks",
        ],
        ["sample", "--run_dir=runs/marks", "--count=4", "--out=samples.png"],
        ["evaluate", "--run_dir=runs/marks", "--metrics=pixel_kid"],
    ]  # fmt: skip
    done = python("-c", COMMANDS, installed, json.dumps(commands))
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    for command, *_ in commands:
        assert f"{command} 0" in lines, done.stdout + done.stderr
    if "demo" in done.stdout:
        assert {"demo 200 True", "demo 143"} <= set(lines), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert {path.name for path in cwd.iterdir()} == {"runs", "samples.png"}
    for name in ("export/README.md", "evaluation.json"):
        assert (cwd / "runs" / "marks" / name).is_file()


def test_the_citation_is_valid():
    """The required keys of the Citation File Format 1.2.0, and this version."""
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert found["cff-version"] == "1.2.0" and found["version"] == lsgan_tf.__version__
    for entry in (found, found["preferred-citation"], *found["references"]):
        assert entry["title"] and entry["type"]
        for author in entry["authors"]:
            assert set(author) in ({"name"}, {"given-names", "family-names"})
        assert re.fullmatch(r"10\.\d+/\S+", entry.get("doi", "10.1/none"))
    assert found["type"] == "software" and found["message"]


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
