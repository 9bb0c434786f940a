from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from absl import flags

from lsgan_tf.cli import app as binary

COMMAND = '''"""Does one thing or another.

    command --do=something
"""
import logging, pathlib, sys, time, warnings
from absl import flags
from lsgan_tf.cli.app import run
from lsgan_tf.errors import DivergedError, UserError
from lsgan_tf.util.files import atomic_file

DO = flags.DEFINE_enum("do", "nothing", ["nothing", "fail", "diverge", "wait", "print", "seven",
                       "chinese", "memory", "warn"], "what to do")
COUNT = flags.DEFINE_integer("count", 1, "how often, 1 to 9", lower_bound=1, upper_bound=9)
FACTOR = flags.DEFINE_float("factor", 1.0, "how much, at least 0", lower_bound=0.0)


def main(argv):
    if DO.value == "fail":
        raise UserError("data.gnt: cut off\\n  at byte 7; fetch it again")
    if DO.value == "diverge":
        raise DivergedError("step 3: d_loss not finite")
    if DO.value == "wait":
        with atomic_file(pathlib.Path("out.txt")) as temporary:
            temporary.write_text("half")
            print("waiting", flush=True)
            time.sleep(60)
    if DO.value == "warn":
        logging.getLogger("x").warning("a\x1b]0;title\x07.png cannot\\nbe decoded")
        warnings.warn("deprecated\\nhere")
    if DO.value == "print":
        print("line\\n" * 100_000)
    if DO.value == "chinese":
        print("安")
    if DO.value == "memory":
        # As TensorFlow's, which is known by its names.
        base = type("OpError", (Exception,), {"__module__": "tensorflow.python.framework"})
        names = {"__module__": "tensorflow.python.framework"}
        raise type("ResourceExhaustedError", (base,), names)("OOM when allocating\\n tensor")
    if DO.value == "seven":
        return 7
    print(argv[1:])


if __name__ == "__main__":
    run(main, usage=__doc__)
'''


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    path = tmp_path_factory.mktemp("binary") / "command.py"
    path.write_text(COMMAND, encoding="utf-8")
    return [sys.executable, str(path)]


def call(command, *words, **options):
    return subprocess.run([*command, *words], capture_output=True, text=True, **options)


def test_arguments_and_status(command):
    done = call(command, "one", "--do=nothing", "two")
    assert (done.returncode, done.stdout, done.stderr) == (0, "['one', 'two']\n", "")
    assert call(command, "--do=seven").returncode == 7


@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        (["--do=fail"], 2, "error: data.gnt: cut off at byte 7; fetch it again"),
        (
            ["--do=memory"],
            2,
            "error: out of memory in TensorFlow (OOM when allocating tensor);",
        ),
        (["--do=diverge"], 3, "error: step 3: d_loss not finite"),
        (["--dod=x"], 2, "error: Unknown command line flag 'dod'. Did you mean: do ? (see --help)"),
        (["--do=x"], 2, "error: --do=x: value should be one of <nothing|fail|"),
        (["--count=0"], 2, "error: --count=0: 0 is not an integer in the range [1, 9]"),
        (["--count=x"], 2, "error: --count=x: "),
        (["--count"], 2, "error: "),
        (["--factor=nan"], 2, "error: --factor=nan: expected a finite number (see --help)"),
        (["--factor=inf"], 2, "error: --factor=inf: expected a finite number (see --help)"),
        (["--flagfile=none.flags"], 2, "error: Unable to open flagfile: "),
    ],
)
def test_mistakes_are_one_line(command, words, status, line):
    done = call(command, *words)
    assert done.returncode == status
    assert done.stdout == ""
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1 and done.stderr.endswith("\n")


@pytest.mark.parametrize(
    ("number", "status", "name"),
    [
        (signal.SIGINT, 130, "Ctrl-C"),
        (signal.SIGTERM, 143, "SIGTERM"),
        (signal.SIGHUP, 129, "SIGHUP"),
    ],
)
def test_a_signal_ends_a_command_and_leaves_nothing_half_written(
    command, tmp_path, number, status, name
):
    process = subprocess.Popen(
        [*command, "--do=wait"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        # Shells have their background jobs ignore Ctrl-C, and these tests may be in one.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    assert process.stdout.readline() == "waiting\n"
    assert len(list(tmp_path.iterdir())) == 1
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (status, f"stopped by {name}\n")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_during_the_imports_of_a_command_is_no_traceback():
    done = call([sys.executable, "-c", "import lsgan_tf.cli\nraise KeyboardInterrupt"])
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "stopped by Ctrl-C\n")
    done = call([sys.executable, "-c", "import lsgan_tf.cli\n1 / 0"])
    assert done.returncode == 1 and "ZeroDivisionError" in done.stderr


def test_warnings_are_one_line_and_cannot_control_the_terminal(command):
    done = call(command, "--do=warn")
    assert done.returncode == 0
    assert (
        done.stderr
        == "warning: a\ufffd]0;title\ufffd.png cannot be decoded\nwarning: deprecated here\n"
    )


@pytest.mark.parametrize("words", [["--help"], ["--do=print"], ["--do=nothing"]])
def test_nobody_reading_is_no_traceback(command, words):
    process = subprocess.Popen(
        [*command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert (process.returncode, errors) == (141, "")


def test_output_that_cannot_be_shown_is_no_traceback(command):
    done = call(command, "--do=chinese", env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout) == (0, "\\u5b89\n[]\n")


@pytest.mark.parametrize("word", ["--help", "-h", "-help", "--helpfull"])
def test_help(command, word):
    done = call(command, word, "--dod=unknown")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Does one thing or another.\n\n    command --do=something\n")
    assert "\nflags:\n  --do  " in done.stdout
    assert "how often, 1 to 9 (default: 1)" in " ".join(done.stdout.split())
    for foreign in ("logtostderr", "verbosity", "pdb", "xml_output"):
        assert foreign not in done.stdout


def test_help_is_grouped_and_fits(monkeypatch):
    monkeypatch.setenv("COLUMNS", "70")
    values = flags.FlagValues()
    flags.DEFINE_flag(flags.BooleanFlag("short", False, "words " * 30), values, "first")
    flags.DEFINE_flag(flags.BooleanFlag("a" * 30, None, "words " * 30), values, "second")
    flags.DEFINE_flag(flags.BooleanFlag("hidden", None, "not ours"), values, "absl.logging")
    lines = binary.help_text("Usage.\n", values).splitlines()
    assert lines[:3] == ["Usage.", "", "first:"]
    assert lines[3].startswith("  --[no]short                 words words")
    long_name = lines.index(f"  --[no]{30 * 'a'}")
    assert lines[long_name - 1] == "second:"
    assert lines[long_name + 1] == " " * 30 + "words words words words words words"
    assert not any("hidden" in line for line in lines)
    assert all(len(line) <= 70 for line in lines[:-1])
    assert any(line.endswith("(default: false)") for line in lines)


@pytest.mark.parametrize("module", ["main", "sample", "export"])
def test_help_of_the_commands_does_without_tensorflow(module):
    code = (
        f"import sys, runpy\nsys.argv = ['{module}', '--help']\n"
        f"try:\n    runpy.run_module('lsgan_tf.{module}', run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    heavy = [name for name in ('tensorflow', 'keras', 'numpy') if name in sys.modules]\n"
        "    print('END', end.code, heavy)\n"
    )
    done = call([sys.executable, "-c", code])
    assert done.stdout.splitlines()[-1] == "END 0 []"
    assert "--run_dir" in done.stdout
    assert "Flags may be read from a file" in done.stdout
    assert done.stderr == ""
    if module == "main":
        groups = [line for line in done.stdout.splitlines() if line[:1].isalpha()]
        for group in ("data:", "networks:", "objective:", "optimisation:", "machine:", "run:"):
            assert group in groups
