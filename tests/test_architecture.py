"""The package's plan: what lies at its top, and which way imports run."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

import lsgan_tf

pytestmark = pytest.mark.fast

PACKAGE = Path(lsgan_tf.__file__).parent

COMMANDS = {"main", "sample", "evaluate", "export", "report", "runs"}
MODULES = {"config", "gan", "losses", "gradient_penalty", "noise", "optimizers", "ema", "build"}
MODULES |= {"training", "errors", "keras_model"}
PACKAGES = {"settings", "cli", "networks", "data", "distribute", "run_dir", "sampling", "metrics"}
PACKAGES |= {"evaluation", "monitoring", "exporting", "reporting", "experiments", "util"}
PACKAGES |= {"commands", "demo"}

# From the ground up. A module imports from its own package and from the lines above its own.
LAYERS = (
    ("_version", "errors"),
    ("util",),
    ("settings",),
    ("config",),
    ("losses", "noise", "optimizers", "ema", "gradient_penalty", "networks", "data"),
    ("keras_model", "sampling"),
    ("gan",),
    ("build", "metrics"),
    ("distribute", "run_dir"),
    ("evaluation",),
    ("exporting",),
    ("monitoring",),
    ("training", "reporting", "cli"),
    ("experiments",),
    (*sorted(COMMANDS), "commands", "demo"),
    ("__main__",),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in PACKAGE.rglob("*.py")}
# The library's front door names everything, and imports each when it is used.
FILES.pop("lsgan_tf")


@functools.cache
def imports(name: str) -> frozenset[str]:
    """The package's modules that a module imports: at its top, in functions, and for types."""
    found = set()
    for node in ast.walk(ast.parse(FILES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}: a relative import"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {each if each in FILES else node.module for each in whole}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return frozenset(each for each in found if each.startswith("lsgan_tf.")) - {name}


def unit(name: str) -> str:
    """The module or package at the top that a module belongs to."""
    return name.split(".")[1]


def test_the_top_is_what_it_should_be():
    modules = {path.stem for path in PACKAGE.glob("*.py")}
    assert modules == COMMANDS | MODULES | {"__init__", "__main__", "_version"}
    assert len(modules) <= 20
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == PACKAGES
    assert set(LEVEL) == COMMANDS | MODULES | PACKAGES | {"__main__", "_version"}


def test_every_folder_of_modules_is_a_package():
    folders = {path.parent for path in FILES.values()} - {PACKAGE}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_every_import_is_of_a_module_that_there_is():
    missing = {(name, other) for name in FILES for other in imports(name) if other not in FILES}
    assert missing == set()


def test_no_import_runs_up():
    wrong = [
        f"{name} imports {other}"
        for name in FILES
        for other in imports(name)
        if unit(name) != unit(other) and LEVEL[unit(other)] >= LEVEL[unit(name)]
    ]
    assert wrong == []


def circle(graph: dict[str, frozenset[str]]) -> list[str]:
    """The names along a circle of a graph; none if there is no circle."""
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for other in sorted(graph.get(name, ())):
            if found := walk(other, [*path, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := walk(name, []))), [])


def test_a_circle_is_found():
    graph = {"a": {"b"}, "b": {"c", "d"}, "c": set(), "d": {"b"}}
    assert circle(graph) == ["b", "d", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


def test_no_modules_import_one_another_in_a_circle():
    assert circle({name: imports(name) for name in FILES}) == []


def test_formats_know_no_dataset():
    for name in FILES:
        if name.startswith("lsgan_tf.data.formats"):
            inside = {other for other in imports(name) if unit(other) == "data"}
            assert all(other.startswith("lsgan_tf.data.formats") for other in inside), name


def test_networks_know_no_config():
    for name in FILES:
        if unit(name) == "networks":
            assert {unit(other) for other in imports(name)} <= {"networks", "settings", "util"}, (
                name
            )


def test_tests_lie_as_the_package_does():
    """A test's folder is a package's, `tools` being that of the programs."""
    here = Path(__file__).parent
    folders = {path.parent.relative_to(here) for path in here.rglob("test_*.py")}
    folders = {folder for folder in folders if folder.parts and folder.parts[0] != "tools"}
    assert [folder for folder in folders if not (PACKAGE / folder).is_dir()] == []
