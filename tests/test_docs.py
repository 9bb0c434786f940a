"""README and docs/: no dead link, no invalid command, and no test that does not exist."""

from __future__ import annotations

import functools
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lsgan_tf.__main__ import COMMANDS
from lsgan_tf.data.hwdb.gb2312 import LEVEL1
from lsgan_tf.distribute.cluster import from_environment
from lsgan_tf.experiments.registry import EXPERIMENTS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
# The presets' comments show commands too.
COMMENTED = sorted((ROOT / "lsgan_tf" / "presets").glob("*.flags"))
_PROGRAM = re.compile(
    r"(?:python3? (?:-m (?P<module>lsgan_tf\.\w+)|(?P<tool>tools/(?:\w+/)?\w+\.py)|-m lsgan_tf "
    r"(?P<command>[a-z][\w-]*))|^(?:lsgan-|lsgan_tf )(?P<script>[a-z][\w-]*))(?P<words>.*)"
)
_BLOCK = re.compile(r"^```(\w+)( skip)?\n(.*?)^```", re.DOTALL | re.MULTILINE)
_TF_CONFIG = re.compile(r"export TF_CONFIG='(.*?)'", re.DOTALL)
_TEST_FILE = re.compile(r"(?<![\w/])(?:tests/[\w/]+|(?:\w+/)*test_\w+)\.py\b")
_TEST = re.compile(r"(?<![\w/])test_\w+(?!\w|\.\w)")
# Names that look like those of tests.
NO_TESTS = {"test_lmdb"}  # LSUN's test set

# Lines of shell that are no command of ours, and what runs them.
ELSEWHERE = {
    r"python3 -m venv \.venv$": ".ci/run",
    r"\.venv/bin/pip install -c constraints\.txt ": ".ci/run",
    r"\.venv/bin/python -m pytest -n 2 --dist=worksteal$": ".ci/run",
    r"\.venv/bin/python -m pytest (tests/networks|-n 2 -m fast)$": "tests/networks/test_layers.py",
    r"\.venv/bin/python -m pytest -n 2 --cov=lsgan_tf$": ".github/workflows/ci.yml",
    r"\.venv/bin/(ruff (check|format) \.|mypy)$": ".ci/run",
    r"\.ci/run$": ".ci/run",
    r"tensorboard --logdir(_spec)? ": "tests/monitoring/tensorboard/test_views_in_browser.py",
    r"(TF=\$\(python|gcc|\./write_text) ": "tests/exporting/test_export.py",
    r"source \.venv/bin/activate$": None,
    r"pip install -c constraints\.txt (\.|'\.\[demo\]')$": ".ci/run",
    r"pip install xprof$": None,  # brings a tab of TensorBoard's that no test opens
}
# How many examples in Python each page has, and what runs them.
EXAMPLES = {
    "library.md": (4, "tests/test_library.py", "tests/data/hwdb/test_tfds_builder.py"),
    "metrics.md": (2, "tests/test_docs_examples.py"),
    "shipping.md": (2, "tests/test_docs_examples.py", "tests/exporting/test_export.py"),
}

# Takes command lines as the program itself would, one after the other.
PARSE = """
import importlib, json, os, runpy, sys
from absl import flags
from absl.testing import flagsaver

program, lines = json.load(sys.stdin)
if program.startswith("tools/"):
    sys.path.insert(0, os.path.dirname(program))
    runpy.run_path(program)
else:
    importlib.import_module(program)
found = []
for words in lines:
    with flagsaver.flagsaver():
        try:
            flags.FLAGS([program, *words])
            if program == "lsgan_tf.main":
                from lsgan_tf.cli import flags as flagging
                flagging.from_flags([program, *words])
            found.append("")
        except Exception as error:
            found.append(f"{type(error).__name__}: {error}")
print(json.dumps(found))
"""


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def blocks(path: Path, language: str) -> list[str]:
    """The examples of a page in one language."""
    return [match[3] for match in _BLOCK.finditer(path.read_text("utf-8")) if match[1] == language]


def shell_lines(path: Path) -> list[str]:
    """Lines of shell that a page shows, each whole and without its comment."""
    text = "".join(blocks(path, "bash")).replace("\\\n", " ")
    lines = [re.split("(?:^| )#", line)[0] for line in _TF_CONFIG.sub("", text).splitlines()]
    pieces = (piece.strip() for line in lines for piece in line.split("&&"))
    return [piece for piece in pieces if piece]


def commands(path: Path) -> list[tuple[str, list[str]]]:
    """(program, words) of every command of ours that a page shows, or a text names in passing."""
    text = path.read_text("utf-8")
    if path.suffix == ".flags":
        text = re.sub(r"^# ?", "", text, flags=re.MULTILINE)
        lines = text.replace("\\\n", " ").splitlines()
    else:
        lines = shell_lines(path)
        passing = re.findall(r"`((?:python3?|lsgan_tf) [^`]+)`", without_code(text))
        lines += [" ".join(line.split()) for line in passing]
    found = []
    for line in lines:
        if match := _PROGRAM.search(line):
            words = shlex.split(re.sub("<.*?>", "FOLDER", match["words"]), comments=True)
            # A number that is left to the reader.
            words = [re.sub(r"^(--\w+)=N$", r"\1=1", word) for word in words]
            name = match["command"] or match["script"]
            program = f"lsgan_tf.{COMMANDS[name].module}" if name else match["module"]
            if program and (ROOT / program.replace(".", "/") / "__main__.py").is_file():
                program += ".__main__"  # a package with its command
            found.append((program or match["tool"], words))
    return found


def refusals(program: str, lines: list[list[str]]) -> list[str]:
    """What a program says to each command line; nothing if it takes it."""
    done = subprocess.run(
        [sys.executable, "-c", PARSE],
        input=json.dumps([program, lines]),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, f"{program}: {done.stderr}"
    return json.loads(done.stdout)


@functools.cache
def refused(program: str) -> dict[tuple[str, ...], str]:
    """What a program says to each of its command lines on any page."""
    shown = [words for page in (*PAGES, *COMMENTED) for name, words in commands(page)
             if name == program]  # fmt: skip
    return dict(zip(map(tuple, shown), refusals(program, shown), strict=True))


@functools.cache
def sources_of_tests() -> dict[str, str]:
    """The sources of all tests by their paths."""
    paths = sorted((ROOT / "tests").rglob("*.py"))
    return {f"/{path.relative_to(ROOT)}": path.read_text("utf-8") for path in paths}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_link_is_dead(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text("utf-8"))):
        if target.startswith(("http://", "https://")):
            continue
        name, _, fragment = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name}: {target}"
        if fragment:
            headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
            assert fragment in map(anchor, headings), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_exists(page):
    text = page.read_text("utf-8")
    for name in _TEST_FILE.findall(text):
        assert any(path.endswith(f"/{name}") for path in sources_of_tests()), f"{page.name}: {name}"
    defined = set(re.findall(r"\bdef (test_\w+)", "".join(sources_of_tests().values())))
    assert set(_TEST.findall(text)) - NO_TESTS <= defined, page.name


def test_a_missing_test_would_be_found():
    text = "`tests/a/b.py`, `a/test_c.py::TestD::test_e`, `::test_f`; test_g.py, and test_h."
    assert _TEST_FILE.findall(text) == ["tests/a/b.py", "a/test_c.py", "test_g.py"]
    assert _TEST.findall(text) == ["test_e", "test_f", "test_h"]


@pytest.mark.parametrize("page", [*PAGES, *COMMENTED], ids=lambda page: page.name)
def test_every_command_is_taken_by_its_program(page):
    for program, words in commands(page):
        assert refused(program)[tuple(words)] == "", f"{page.name}: {program} {words}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_other_line_of_shell_is_run_elsewhere(page):
    for line in shell_lines(page):
        if _PROGRAM.search(line):
            continue
        places = [place for start, place in ELSEWHERE.items() if re.match(start, line)]
        assert places, f"{page.name}: {line}"
        assert all(place is None or (ROOT / place).is_file() for place in places)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_example_in_python_is_run_elsewhere(page):
    count, *places = EXAMPLES.get(page.name, (0,))
    assert len(blocks(page, "python")) == count
    assert all((ROOT / place).is_file() for place in places)


def test_every_cluster_is_one():
    shown = [found for page in PAGES for found in _TF_CONFIG.findall(page.read_text("utf-8"))]
    assert len(shown) == 1
    for text in shown:
        cluster = from_environment({"TF_CONFIG": text})
        assert cluster.chief and len(cluster.workers) == 2


def test_every_experiment_is_there():
    shown = [name for page in PAGES
             for name in re.findall(r"--experiment=(\w+)", page.read_text("utf-8"))]  # fmt: skip
    assert shown and set(shown) <= set(EXPERIMENTS)


def test_every_text_is_known_to_its_generator():
    flags = (ROOT / "lsgan_tf" / "presets" / "hwdb_quick.flags").read_text("utf-8")
    quick = LEVEL1[: int(re.search(r"^--max_classes=(\d+)$", flags, re.MULTILINE)[1])]
    packaged = (ROOT / "lsgan_tf" / "presets" / "hwdb_pretrained.flags").read_text("utf-8")
    packaged = re.search(r"^--characters=(.*)$", packaged, re.MULTILINE)[1]
    for page in PAGES:
        blocks = (match[3] for match in _BLOCK.finditer(page.read_text("utf-8")))
        for line in "".join(blocks).splitlines():
            # Without a run or an export the generator of the package writes.
            own = "lsgan_tf.sample --text" in line and "--run_dir" not in line
            known = packaged if own else quick
            assert set(re.findall("[\u4e00-\u9fff]", line)) <= set(known), (page.name, line)


def test_the_pages_show_commands_at_all():
    shown = {program for page in PAGES for program, _ in commands(page)}
    assert {"lsgan_tf.main", "lsgan_tf.sample", "lsgan_tf.export"} <= shown


def test_readme_leads_to_every_page():
    text = (ROOT / "README.md").read_text("utf-8")
    notes = ROOT / "docs" / "notes"
    for page in (ROOT / "docs").rglob("*.md"):
        # Notes are linked from the page that they belong to.
        if page.parent != notes:
            assert f"docs/{page.name}" in text, page.name


def test_a_dead_flag_would_be_found():
    good = [["--batch_size=1"], ["--noconditional"], ["--dataset=mixture", "--z_dim=3"]]
    bad = [
        ["--batch_sizes=1"],
        ["--batch=1"],
        ["--batch_size=none"],
        ["--batch_size=0"],
        ["--flagfile=flags/nothing.flags"],
        ["--dataset=cifar10", "--mode_radius=3"],
    ]
    told = refusals("lsgan_tf.main", good + bad)
    assert not any(told[: len(good)]) and all(told[len(good) :])
