"""Untrusted archives: paths are checked, truncation is detected, nothing is written outside."""

from __future__ import annotations

import io
import tarfile
import zipfile

import pytest

from lsgan_tf.data.formats import archives
from lsgan_tf.errors import UserError

pytestmark = pytest.mark.fast

CONTENTS = {"a/one.bin": b"1" * 5000, "a/two.bin": b"2" * 3000, "three.txt": b""}


def make(path, contents):
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in contents.items():
                archive.writestr(name, content)
    else:
        mode = "w:gz" if path.name.endswith("gz") else "w"
        with tarfile.open(path, mode) as archive:
            for name, content in contents.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


def read_all(path, largest=10_000):
    found = archives.read_members(path, lambda member: True, largest=largest)
    return {member.name: content for member, content in found}


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tgz"])
def test_members_in_one_pass(tmp_path, name):
    path = make(tmp_path / name, {**CONTENTS, "a/folder/": b""} if "zip" in name else CONTENTS)
    assert archives.is_archive(path)
    assert read_all(path) == CONTENTS
    found = archives.read_members(path, lambda m: m.basename == "two.bin", largest=10_000)
    ((member, content),) = found
    assert (member.folder, content) == ("a", b"2" * 3000)


@pytest.mark.parametrize("archive", ["x.zip", "x.tar.gz"])
@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/evil", "C:/evil", "a\\..\\..\\evil", "a/.."]
)
def test_paths_that_lead_outside_are_refused(tmp_path, archive, name):
    folder = tmp_path / "in"
    folder.mkdir()
    path = make(folder / archive, {"good": b"x", name: b"evil"})
    with pytest.raises(UserError, match="leads outside the archive"):
        read_all(path)
    if archive.endswith(".zip"):
        with pytest.raises(UserError, match="leads outside the archive"):
            archives.list_zip(path)
    assert [p.name for p in tmp_path.rglob("*")] == ["in", archive]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(UserError, match="link or a device"):
        read_all(path)


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz"])
def test_every_cut_is_one_line(tmp_path, name):
    path = make(tmp_path / name, CONTENTS)
    whole = path.read_bytes()
    seen = 0
    for length in range(0, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:length])
        try:
            found = read_all(path)
        except UserError as error:
            assert name in str(error)
            assert "\n" not in str(error)
            seen += 1
        else:
            # A tar may end between two members; those before are intact.
            assert found.items() <= CONTENTS.items()
            assert ".tar" in name
    assert seen > 10


def test_no_archive_at_all(tmp_path):
    for name in ("x.zip", "x.tar.gz"):
        path = tmp_path / name
        path.write_bytes(b"hello" * 1000)
        with pytest.raises(UserError, match="damaged or truncated"):
            read_all(path)
        with pytest.raises(UserError, match="No such file"):
            read_all(tmp_path / f"gone-{name}")


def test_members_larger_than_expected_are_not_read(tmp_path):
    for name in ("x.zip", "x.tar.gz"):
        path = make(tmp_path / name, {"bomb": bytes(50_000)})
        with pytest.raises(UserError, match="claims 50,000 bytes, expected at most 10,000"):
            read_all(path)


def test_extracting_one_member(tmp_path):
    path = make(tmp_path / "x.zip", CONTENTS)
    member = archives.list_zip(path)[0]
    blocks = []
    archives.extract_from_zip(path, member, tmp_path / "mine", report=blocks.append)
    assert (tmp_path / "mine").read_bytes() == CONTENTS["a/one.bin"]
    assert sum(blocks) == member.size == 5000
    assert member.crc


def test_a_wrong_check_sum_is_noticed(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:  # Stored, so that the content can be changed.
        archive.writestr("data", b"precious content")
    path.write_bytes(path.read_bytes().replace(b"precious", b"worthles"))
    with pytest.raises(UserError, match="damaged"):
        archives.extract_from_zip(path, archives.list_zip(path)[0], tmp_path / "mine")
