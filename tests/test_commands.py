"""`python -m lsgan_tf`: all commands by their names."""

from __future__ import annotations

import ast
import subprocess
import sys
import tokenize
from configparser import ConfigParser
from pathlib import Path

import pytest

import lsgan_tf
from lsgan_tf import __main__ as front

PACKAGE = Path(lsgan_tf.__file__).parent
ROOT = Path(__file__).parents[1]
# The tools of a clone that are commands of the package by another name.
WRAPPERS = {
    name: ROOT / "tools" / ("bench" if name == "plan-hardware" else "") / f"{module}.py"
    for name, command in front.COMMANDS.items()
    if (module := command.module.removeprefix("commands.")) != command.module
    and name != "tensorboard"  # never was a tool
}


def call(*words, **options):
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, **options)


def source(name):
    path = PACKAGE / f"{front.COMMANDS[name].module.replace('.', '/')}.py"
    return path.read_text(encoding="utf-8")


def usage(name):
    return ast.get_docstring(ast.parse(source(name)), clean=False).strip()


def run_here(monkeypatch, capsys, *words):
    """Status and output of the front door, called in this process."""
    monkeypatch.setattr(sys, "argv", ["lsgan_tf", *words])
    with pytest.raises(SystemExit) as ended:
        front.main()
    return ended.value.code, *capsys.readouterr()


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_lists_every_command_in_a_line(monkeypatch, capsys, words):
    status, text, errors = run_here(monkeypatch, capsys, *words)
    assert (status, errors) == (0, "")
    lines = [line.split(maxsplit=1) for line in text.partition("Commands:\n\n")[2].splitlines()]
    assert lines == [[name, command.about] for name, command in front.COMMANDS.items()]
    assert all(len(line) <= 80 for line in text.splitlines())


def test_the_list_and_the_version_import_nothing_heavy():
    code = (
        "import runpy, sys\nsys.argv = ['lsgan_tf', *sys.argv[1:]]\n"
        "try:\n    runpy.run_module('lsgan_tf', run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    heavy = {'tensorflow', 'keras', 'numpy', 'PIL'} & set(sys.modules)\n"
        "    print('END', end.code, sorted(heavy))\n"
    )
    for word in ("--help", "--version"):
        assert call("-c", code, word).stdout.splitlines()[-1] == "END 0 []"


def test_an_unknown_command_lists_those_there_are(monkeypatch, capsys):
    status, text, errors = run_here(monkeypatch, capsys, "trian", "--steps=1")
    assert (status, text) == (2, "")
    assert errors.startswith("error: trian: there is no such command, expected one of train, samp")
    assert all(name in errors for name in front.COMMANDS) and errors.count("\n") == 1


@pytest.mark.parametrize("name", front.COMMANDS)
def test_each_is_a_command(name):
    assert "\ndef main(argv: list[str]) -> " in source(name)
    module = front.COMMANDS[name].module.removesuffix(".__main__")
    names = {f"python -m lsgan_tf {name}", f"python -m lsgan_tf.{module}"}
    assert any(each in usage(name) for each in names)


def test_a_command_gets_its_flags_alone():
    done = call("-m", "lsgan_tf", "sample", "--seed=1", "more")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: more: expected flags only (--name=value); see --help\n"
    done = call("-m", "lsgan_tf", "verify_data", "--data_dir=none")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: none: no such data folder")


def test_help_of_a_command_is_that_of_its_module():
    named = call("-m", "lsgan_tf", "evaluate", "--help")
    assert named.returncode == 0 and "    fid " in named.stdout and "--run_dir" in named.stdout
    assert named.stdout == call("-m", "lsgan_tf.evaluate", "--help").stdout


@pytest.mark.parametrize("name", WRAPPERS)
def test_the_tool_of_a_clone_is_the_command_from_any_folder(name, tmp_path):
    done = call(WRAPPERS[name], "--help", env={}, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(usage(name))


@pytest.mark.parametrize(
    "words",
    [
        ["-m", "lsgan_tf"],
        ["-m", "lsgan_tf", "train"],
        ["-m", "lsgan_tf.runs"],
        [WRAPPERS["reproduce"]],
    ],
)
def test_version(words):
    done = call(*words, "--version", env={"PYTHONPATH": str(PACKAGE.parent)})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"lsgan_tf {lsgan_tf.__version__}\n"


def test_console_scripts_are_commands():
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = setup["options.entry_points"]["console_scripts"].split("\n")
    scripts = dict(line.split(" = ") for line in lines if line)
    names = ["train", "sample", "evaluate", "export", "report", "runs"]
    expected = {f"lsgan-{name}": f"lsgan_tf.__main__:{name}" for name in names}
    assert scripts == {"lsgan_tf": "lsgan_tf.__main__:main", **expected}
    for name in names:
        assert getattr(front, name).args == (name,) and name in front.COMMANDS


def test_no_text_of_the_package_names_a_tool_of_the_clone():
    """But the one that makes a file of the package, which only a clone can hold."""
    named = set()
    for path in PACKAGE.rglob("*.py"):
        with tokenize.open(path) as stream:
            text = stream.read()
        named |= {line for line in text.splitlines() if "tools/" in line}
    assert named and all("tools/pack_strokes.py" in line for line in named)
