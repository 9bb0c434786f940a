"""README and docs/: no dead link, and no command with a flag that is not there."""

from __future__ import annotations

import functools
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
# The flag files' comments show commands too.
COMMENTED = sorted((ROOT / "flags").glob("*.flags"))
_PROGRAM = re.compile(r"python3? (?:-m (lsgan_tf\.\w+)|(tools/\w+\.py))(.*)")


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def commands(path: Path) -> list[tuple[str, list[str]]]:
    """(program, words) of every command of ours that a page shows, or a text names in passing."""
    text = path.read_text("utf-8")
    if path.suffix == ".flags":
        text = re.sub(r"^# ?", "", text, flags=re.MULTILINE)
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks or [text] for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`(python3? [^`\n]+)`", text)
    found = []
    for line in lines:
        if match := _PROGRAM.search(line.split("  #")[0]):
            words = shlex.split(match[3].rstrip("&|; "), comments=True)
            found.append((match[1] or match[2], words))
    return found


@functools.cache
def help_of(program: str) -> str:
    target = [program] if program.startswith("tools/") else ["-m", program]
    done = subprocess.run(
        [sys.executable, *target, "--help"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    return done.stdout + done.stderr


def known(program: str, flag: str) -> bool:
    name = re.escape(flag.removeprefix("--").removeprefix("no"))
    whole = re.escape(flag.removeprefix("--"))
    return bool(re.search(rf"--(\[no\])?({name}|{whole})\b", help_of(program)))


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


@pytest.mark.parametrize("page", [*PAGES, *COMMENTED], ids=lambda page: page.name)
def test_every_command_is_there_with_its_flags(page):
    for program, words in commands(page):
        assert help_of(program), program
        for word in words:
            flag, _, value = word.partition("=")
            if not re.fullmatch(r"--\w+", flag) or flag == "--help":
                continue
            assert flag == "--flagfile" or known(program, flag), f"{page.name}: {program} {flag}"
            if flag == "--flagfile":
                assert (ROOT / value).is_file(), f"{page.name}: {value}"


def test_the_pages_show_commands_at_all():
    shown = {program for page in PAGES for program, _ in commands(page)}
    assert {"lsgan_tf.main", "lsgan_tf.sample", "lsgan_tf.export"} <= shown


def test_readme_leads_to_every_page():
    text = (ROOT / "README.md").read_text("utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert f"docs/{page.name}" in text, page.name


def test_a_dead_flag_would_be_found():
    assert known("lsgan_tf.main", "--batch_size") and known("lsgan_tf.main", "--noconditional")
    assert not known("lsgan_tf.main", "--batch_sizes") and not known("lsgan_tf.main", "--batch")
