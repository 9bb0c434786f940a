"""A tiny set of characters and a run on it, made once for all tests that look at them."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import numpy as np
import pytest
from PIL import Image

from lsgan_tf.config import resolve
from lsgan_tf.data.formats import gnt
from lsgan_tf.data.synthetic.strokes import render_glyph

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("no clock", deadline=None)
hypothesis.settings.load_profile("no clock")

# Some tests use modules of the tools: `spawning`, `run_differences`.
sys.path.append(str(Path(__file__).parents[1] / "tools"))

import spawning  # noqa: E402

CHARACTERS = "啊阿埃安宁"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `-m fast`, does not import modules without fast tests."""
    module = collection_path.suffix == ".py" and collection_path.name.startswith("test_")
    if config.option.markexpr != "fast" or not module:
        return None
    return None if "mark.fast" in collection_path.read_text("utf-8") else True


class TinyRun(NamedTuple):
    """A finished run of `python -m lsgan_tf.main` on the tiny set."""

    path: Path
    data: Path
    cache: Path
    flags: list[str]
    done: subprocess.CompletedProcess


@pytest.fixture(scope="session")
def write_characters() -> Callable[..., Path]:
    """Writes a `.gnt` of drawn characters, each so many times, never twice alike."""

    def write(path: Path, characters: str = CHARACTERS, *, samples: int = 8) -> Path:
        rng = np.random.default_rng(0)
        records = []
        for _ in range(samples):
            for character in characters:
                glyph = render_glyph(character, 20)
                if glyph is None:
                    glyph = np.full((20, 20), 128, np.uint8)
                margins = rng.integers(0, 6, (2, 2))
                records.append((character, np.pad(glyph, margins, constant_values=255)))
        gnt.write(path, records)
        return path

    return write


@pytest.fixture(scope="session")
def command(tmp_path_factory) -> Callable[..., subprocess.CompletedProcess]:
    """Runs one of the package's commands: `command("sample", "--seed=1")`.

    In a process of its own, forked from one that has TensorFlow imported, which takes seconds. What
    is about starts, imports or standard streams calls `python -m` itself.
    """
    folder = tmp_path_factory.mktemp("commands")
    numbers = itertools.count()

    def run(
        module: str, *words: object, cwd: Path | None = None, before: str = "", **environment: str
    ) -> subprocess.CompletedProcess:
        said = [folder / f"{next(numbers)}.txt" for _ in range(2)]
        flags = list(map(str, words))
        process = spawning.start(
            flags, said[0], environment, module=module, errors=said[1], cwd=cwd, before=before
        )
        process.join()
        texts = [path.read_text(encoding="utf-8") for path in said]
        return subprocess.CompletedProcess([module, *flags], process.exitcode, *texts)

    return run


class SmallDisk(NamedTuple):
    """A file system of its own."""

    path: Path

    def fill(self) -> None:
        """Leaves no byte free."""
        with contextlib.suppress(OSError), open(self.path / "ballast", "wb", buffering=0) as stream:
            while stream.write(bytes(4096)):
                pass

    def free(self) -> None:
        """Takes back `fill`."""
        (self.path / "ballast").unlink()


@pytest.fixture
def small_disk(tmp_path) -> Iterator[SmallDisk]:
    """A disk of 16 MiB, for which one must be root."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(path)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small file system")
    yield SmallDisk(path)
    subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory, write_characters, command) -> TinyRun:
    """Twelve steps of the conditional model at 8x8 pixels."""
    folder = tmp_path_factory.mktemp("tiny")
    data = write_characters(folder / "data" / "tiny.gnt", CHARACTERS + "%")
    flags = [
        "--dataset=hwdb", "--conditional", f"--data_dir={data.parent}",
        f"--cache_dir={folder / 'cache'}", "--image_size=8", "--z_dim=6", "--label_dim=4",
        "--first_filters=8", "--batch_size=4", "--steps=12", "--log_every=5", "--sample_every=6",
        "--checkpoint_every=5", "--keep_checkpoints=2", "--steps_per_call=5", "--devices=cpu",
    ]  # fmt: skip
    path = folder / "runs" / "tiny"
    done = command("main", *flags, f"--run_dir={path}")
    return TinyRun(path, data.parent, folder / "cache", flags, done)


@pytest.fixture(scope="module")
def start_browser() -> Iterator[Callable[..., Any]]:
    """Starts a headless Chromium with Debian's driver: `start_browser("--disable-gpu")`."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("no browser: install the Debian packages chromium and chromium-driver")
    started = []

    def start(*words: str, downloads: Path | None = None) -> Any:
        options = webdriver.ChromeOptions()
        options.binary_location = program
        for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", *words):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        if downloads:
            preferences = {"download.default_directory": str(downloads)}
            options.add_experimental_option("prefs", preferences)
        service = webdriver.ChromeService(executable_path=driver)
        started.append(webdriver.Chrome(options=options, service=service))
        return started[-1]

    yield start
    for browser in started:
        browser.quit()


@pytest.fixture
def make_run(tmp_path) -> Callable[..., Path]:
    """Writes a run folder by hand: `make_run("a", step=300, log="finished ...", z_dim=8)`."""

    def make(name: str = "run", *, step: int = 300, log: str = "", **given: object) -> Path:
        config, _ = resolve({"dataset": "hwdb", "steps": 1000, **given}, {})
        path = tmp_path / "runs" / name
        checkpoint = path / "checkpoints" / f"step-{step:08d}"
        checkpoint.mkdir(parents=True)
        (checkpoint / "state.index").write_bytes(b"123")
        files = {"state.index": {"bytes": 3, "sha256": ""}}
        (checkpoint / "checkpoint.json").write_text(json.dumps({"step": step, "files": files}))
        (path / "config.json").write_text(json.dumps(config.to_json()))
        (path / "log.txt").write_text(f"training from step 0\n{log}\n", encoding="utf-8")
        (path / "samples").mkdir()
        for number in range(100, step + 1, 100):
            row = {"step": number, "d_loss": 10 / number, "g_loss": 0.5, "score_real": None}
            with (path / "stats.jsonl").open("a") as stream:
                stream.write(json.dumps(row) + "\n")
            timing = {"step": number, "seconds": number / 10, "images_per_second": 640.0}
            with (path / "timing.jsonl").open("a") as stream:
                stream.write(json.dumps(timing) + "\n")
            picture = Image.new("RGB", (60, 40), (number % 256, 0, 0))
            picture.save(path / "samples" / f"step-{number:08d}.png")
        Image.new("RGB", (60, 40), (0, 0, 255)).save(path / "reals.png")
        return path

    return make


@pytest.fixture(scope="session")
def call_as_graph() -> Callable[..., np.ndarray]:
    """Calls a SavedModel's signature as TensorFlow Serving does: a graph in a session.

    Only there is it seen whether the signatures read the variables that loading restores.
    """
    import tensorflow as tf

    def call(path: Path, name: str, result: str, **arguments: object) -> np.ndarray:
        with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
            loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(path))
            signature = loaded.signature_def[name]
            feeds = {signature.inputs[key].name: value for key, value in arguments.items()}
            return session.run(signature.outputs[result].name, feeds)

    return call
