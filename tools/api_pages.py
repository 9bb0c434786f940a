"""Write the reference as HTML pages: the API from the docstrings, and all commands and flags.

    python tools/api_pages.py --out=api

Every module has a page; commands.html has the `--help` of each command.
"""

from __future__ import annotations

import html
import pkgutil
import subprocess
import sys
import warnings
from pathlib import Path

from absl import flags

import lsgan_tf
from lsgan_tf.__main__ import COMMANDS
from lsgan_tf.cli.app import flags_only, run
from lsgan_tf.cli.flags import PATH
from lsgan_tf.errors import UserError
from lsgan_tf.util.tensorflow_setup import import_tensorflow

_OUT = flags.DEFINE(PATH, "out", None, "folder for the pages")


def modules() -> list[str]:
    """Return the names of all modules of the package but the commands."""
    left_out = {"__main__", *(command.module.split(".")[0] for command in COMMANDS.values())}
    found = pkgutil.walk_packages(lsgan_tf.__path__, "lsgan_tf.")
    names = sorted(each.name for each in found if each.name.split(".")[1] not in left_out)
    return ["lsgan_tf", *names]


def write_commands(path: Path) -> None:
    """Write a page with the help of every command.

    Raises:
      UserError: if a command fails to print it.
    """
    sections = []
    for name in COMMANDS:
        words = [sys.executable, "-m", "lsgan_tf", name, "--help"]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            raise UserError(f"lsgan_tf {name} --help: {done.stderr.strip()}")
        sections.append(f'<h2 id="{name}">{name}</h2>\n<pre>{html.escape(done.stdout)}</pre>\n')
    links = " ".join(f'<a href="#{name}">{name}</a>' for name in COMMANDS)
    head = "<!doctype html>\n<meta charset=utf-8>\n<title>lsgan_tf: commands</title>\n"
    path.write_text(f"{head}<p>{links}</p>\n{''.join(sections)}", encoding="utf-8")


def main(argv: list[str]) -> None:
    """Run the command."""
    flags_only(argv)
    if not _OUT.value:
        raise UserError("expected --out=FOLDER for the pages")
    try:
        import pdoc
    except ImportError:
        raise UserError("pdoc is not installed: pip install pdoc") from None
    import_tensorflow()
    pdoc.render.configure(docformat="google", footer_text=f"lsgan_tf {lsgan_tf.__version__}")
    with warnings.catch_warnings():
        # Lazy names of packages are documented in their modules.
        warnings.simplefilter("ignore")
        pdoc.pdoc(*modules(), output_directory=_OUT.value)
    write_commands(_OUT.value / "commands.html")
    print(f"wrote {_OUT.value}/index.html")


if __name__ == "__main__":
    run(main, usage=__doc__)
