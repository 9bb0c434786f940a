"""The demo command, up to where it would load a generator."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

# The command where a package is missing; ends with the heavy packages it imported.
MISSING = """
import runpy, sys
sys.modules["gradio"] = None
sys.argv = ["demo"]
try:
    runpy.run_module("lsgan_tf.demo", run_name="__main__")
except SystemExit as end:
    print(end.code, sorted({"tensorflow", "keras", "numpy"} & set(sys.modules)))
"""


def test_without_the_extra_it_says_how_to_install_it():
    done = subprocess.run([sys.executable, "-c", MISSING], capture_output=True, text=True)
    assert done.stdout == "2 []\n"
    assert done.stderr == (
        "error: the demo needs the package gradio; install it with: pip install 'lsgan_tf[demo]'\n"
    )


def test_two_generators_are_one_too_many(command):
    done = command("demo", "--run_dir=a", "--model=b")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: --run_dir and --saved_model: both name a generator; give one of them\n"
    )


def test_a_port_in_use_ends_it_at_once(command):
    pytest.importorskip("gradio", reason="the extra demo is not installed")
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = used.getsockname()[1]
        done = command("demo", f"--port={port}", "--run_dir=there/is/none")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: --port={port}: in use by another program")


def test_a_model_that_is_none(command, tmp_path):
    pytest.importorskip("gradio", reason="the extra demo is not installed")
    done = command("demo", "--port=0", f"--model={tmp_path}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {tmp_path}: no SavedModel in it")
