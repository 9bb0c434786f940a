"""Paths in the flags of all commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lsgan_tf.config import Config, resolve
from lsgan_tf.errors import UserError
from lsgan_tf.util.paths import local, optional

ROOT = Path(__file__).parents[2]


def test_home_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert local("~/run") == tmp_path / "run"
    assert local("a/~/b") == Path("a/~/b")
    assert optional("") is optional(None) is None
    with pytest.raises(UserError, match="~nobody-of-that-name/x: there is no such home folder"):
        local("~nobody-of-that-name/x")


@pytest.mark.parametrize("text", ["gs://bucket/run", "s3://b", "hdfs://h:1/x", "file:///tmp/x"])
def test_addresses_are_refused(text):
    with pytest.raises(UserError, match=rf"{text}: is an address \({text.split('/')[0]}//\)"):
        local(text)


@pytest.mark.parametrize("text", ["gs://bucket/run", "s3://b", "hdfs://h:1/x"])
def test_addresses_that_went_through_a_path_are_refused(text):
    with pytest.raises(UserError, match="is an address"):
        local(Path(text))


@pytest.mark.parametrize("text", ["a:b", "C:\\x", "runs/a://b", "gs:", "1://x"])
def test_names_that_only_look_like_them_are_not(text):
    assert local(text) == Path(text)


@pytest.mark.parametrize("name", ["run_dir", "data_dir", "cache_dir", "init_from", "inception"])
def test_a_config_has_no_addresses(name):
    with pytest.raises(UserError, match=rf"--{name}=gs://b/x: is an address"):
        resolve({name: "gs://b/x"}, {})
    assert getattr(Config(**{name: "~/x"}), name) == "~/x"


def call(words, cwd, **environment):
    return subprocess.run(
        [sys.executable, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


def flags_of_paths() -> list[tuple[str, str]]:
    """Pairs (module or tool, flag) of all path flags."""
    found = [("lsgan_tf.main", n) for n in ("run_dir", "data_dir", "cache_dir", "init_from")]
    for path in [*(ROOT / "lsgan_tf").glob("*.py"), *(ROOT / "tools").glob("*.py")]:
        names = re.findall(r'flags\.DEFINE\(\s*PATH,\s*"(\w+)"', path.read_text(encoding="utf-8"))
        where = str(path.relative_to(ROOT))
        module = where[:-3].replace("/", ".") if where.startswith("lsgan_tf") else where
        found += [(module, name) for name in names if path.stem not in ("flagging", "bench_flags")]
    for path in (ROOT / "lsgan_tf" / "commands").glob("*.py"):
        names = re.findall(r'flags\.DEFINE\(\s*PATH,\s*"(\w+)"', path.read_text(encoding="utf-8"))
        found += [(f"lsgan_tf {path.stem}", name) for name in names]
    return sorted(found)


def test_no_flag_with_a_path_is_read_as_plain_text():
    paths = r"_dir|out|folder|file|saved_model|key|json|keras|tflite|serving|inception|source|keep"
    for path in [*(ROOT / "lsgan_tf").glob("*.py"), *(ROOT / "tools").glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        named = re.findall(rf'DEFINE_string\(\s*"(\w*(?:{paths}))"', text)
        # These two become fields of the config, which expands them.
        assert set(named) <= {"data_dir", "cache_dir"}, path


@pytest.mark.parametrize(("module", "name"), flags_of_paths())
def test_every_command_refuses_addresses_by_name(tmp_path, module, name):
    start = [ROOT / module] if module.endswith(".py") else ["-m", *module.split()]
    done = call([*start, f"--{name}=gs://bucket/x"], tmp_path)
    assert done.returncode == 2
    assert done.stdout == "" and done.stderr.count("\n") == 1
    assert f"--{name}=gs://bucket/x: is an address (gs://)" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("module", ["runs", "report"])
def test_words_are_refused_by_every_module(tmp_path, module):
    done = call(["-m", f"lsgan_tf.{module}", "gs://bucket/x"], tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("error: gs://bucket/x: is an address")


def test_home_folders_in_all_commands(tmp_path, tiny_run, command):
    home = tmp_path / "home"
    home.mkdir()
    flags = [*tiny_run.flags, "--steps=2", "--noexport_at_end", "--run_dir=~/run"]
    for module, *words in (
        ("main", *flags),
        ("sample", "--run_dir=~/run", "--count=2", "--out=~/out.npz"),
        ("export", "--run_dir=~/run", "--out=~/saved", "--keras=~/g.keras"),
        ("sample", "--saved_model=~/saved", "--count=2", "--out=~/again.npz"),
        (
            "evaluate",
            "--run_dir=~/run",
            "--samples=10",
            "--judge_steps=2",
            "--metrics=judge",
            "--out=~/found.json",
        ),
        ("report", "~/run", "--out=~/report.html"),
        ("runs", "~/run"),
        ("main", *flags, "--run_dir=~/second", "--init_from=~/run"),
    ):
        (tmp_path / "here").mkdir(exist_ok=True)
        done = command(module, *words, cwd=tmp_path / "here", HOME=str(home))
        assert done.returncode == 0, done.stderr
    assert list((tmp_path / "here").iterdir()) == []
    made = {path.name for path in home.iterdir()}
    assert made >= {"run", "out.npz", "saved", "g.keras", "again.npz", "found.json", "report.html"}
    assert "no runs" not in done.stdout and "new run from the weights of" in done.stdout
