import errno
import hashlib
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lsgan_tf.data.formats import gnt
from lsgan_tf.data.hwdb import gnt_files
from lsgan_tf.data.hwdb import source as hwdb
from lsgan_tf.data.verify import hwdb as verify_hwdb
from lsgan_tf.errors import UserError

MEMBERS = ("x.gnt", "y.gnt")


def make(path, text="安"):
    gnt.write(path, [(text, np.full((3, 3), 200, np.uint8))])
    return path.read_bytes()


def pack(path, members, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def names(folder):
    return [part.name for part in gnt_files.find(folder)]


def test_nested_folders_archives_and_any_case(tmp_path):
    content = make(tmp_path / "b.gnt")
    make(tmp_path / "deep" / "er" / "A.GNT")
    (tmp_path / "readme.txt").write_text("no characters")
    pack(tmp_path / "deep" / "Gnt1.0TrainPart1.ZIP", {"x/001.gnt": content, "x/notes.txt": "no"})
    assert names(tmp_path) == ["b.gnt", "deep/Gnt1.0TrainPart1.ZIP/x/001.gnt", "deep/er/A.GNT"]


def test_hidden_files_are_left_out(tmp_path):
    content = make(tmp_path / "a.gnt")
    make(tmp_path / "._a.gnt")
    make(tmp_path / ".trash" / "a.gnt")
    make(tmp_path / "__MACOSX" / "a.gnt")
    pack(tmp_path / "z.zip", {"__MACOSX/a.gnt": content, "./b.gnt": content, "c/.d.gnt": content})
    assert names(tmp_path) == ["a.gnt", "z.zip/./b.gnt"]


def test_one_file_may_be_called_anything(tmp_path):
    content = make(tmp_path / "characters.bin")
    (part,) = gnt_files.find(tmp_path / "characters.bin")
    assert (part.name, part.member, part.size) == ("characters.bin", None, len(content))


def test_links_that_lead_back_end(tmp_path):
    make(tmp_path / "a" / "x.gnt")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert names(tmp_path) == ["a/x.gnt"]
    make(tmp_path / "b.gnt")
    assert names(tmp_path / "a") == ["x.gnt"]


@pytest.mark.parametrize(
    ("name", "target"), [("b.gnt", "nowhere"), ("z.zip", "z.zip"), ("c.gnt", os.devnull)]
)
def test_a_link_to_no_file_is_not_passed_over(tmp_path, name, target):
    make(tmp_path / "a.gnt")
    (tmp_path / name).symlink_to(target)
    survey = gnt_files.survey(tmp_path)
    assert [part.name for part in survey.parts] == ["a.gnt"]
    assert "a link to none" in survey.unreadable[name]
    with pytest.raises(UserError, match=f"{name}: this is not a regular file"):
        gnt_files.find(tmp_path)


@pytest.mark.parametrize(
    ("name", "is_test"),
    [
        ("1.0train-gb1.gnt", False),
        ("1.0test-gb1.gnt", True),
        ("Gnt1.0TrainPart1.zip/001.gnt", False),
        ("Gnt1.0Test.zip/337.gnt", True),
        ("HWDB1.0trn_gnt.zip/1.gnt", False),
        ("HWDB1.0tst_gnt.zip/1.gnt", True),
        ("test/part01.gnt", True),
        ("a/TST/part01.gnt", True),
        ("val/part01.gnt", True),
        ("dev.zip/part01.gnt", True),
        ("测试集/part01.gnt", True),
        ("competition-gnt.zip/C001-f.gnt", True),
        ("训练集/part01.gnt", False),
        ("latest/part01.gnt", False),
        ("contest.gnt", False),
    ],
)
def test_which_files_are_test_files(name, is_test):
    assert gnt_files.GntPart(name, Path("x"), None, 1).is_test is is_test


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_chinese_names_in_archives(tmp_path, monkeypatch, encoding):
    if encoding == "gbk":  # as Windows writes them, which zipfile does not
        monkeypatch.setattr(
            zipfile.ZipInfo, "_encodeFilenameFlags", lambda self: (self.filename.encode("gbk"), 0)
        )
    pack(tmp_path / "a.zip", {"测试集/1.gnt": make(tmp_path / "a.gnt")})
    plain, packed = gnt_files.find(tmp_path)
    assert (packed.name, packed.is_test) == ("a.zip/测试集/1.gnt", True)
    assert gnt_files.content_hash(packed, lambda _: None) == gnt_files.content_hash(
        plain, lambda _: None
    )


def test_an_unreadable_folder_is_not_passed_over(tmp_path, monkeypatch):
    make(tmp_path / "a.gnt")
    make(tmp_path / "part2" / "b.gnt")
    scandir = os.scandir

    def denied(path):
        if str(path).endswith("part2"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(UserError, match="part2: permission denied while listing the folder"):
        gnt_files.find(tmp_path)


def test_no_such_folder(tmp_path):
    with pytest.raises(UserError, match=r"nowhere: no such data folder; .* --data_dir"):
        gnt_files.find(tmp_path / "nowhere")


def test_neither_file_nor_folder(tmp_path):
    os.mkfifo(tmp_path / "pipe.gnt")
    with pytest.raises(UserError, match="neither a folder nor a file"):
        gnt_files.find(tmp_path / "pipe.gnt")
    with pytest.raises(UserError, match=r"pipe\.gnt: this is not a regular file"):
        gnt_files.find(tmp_path)


ARCHIVES = [
    ("HWDB1.1trn_gnt.alz", "an ALZip archive"),
    ("a.egg", "an ALZip archive"),
    ("a.rar", "a RAR archive"),
    ("a.part1.rar", "a RAR archive"),
    ("a.7z", "a 7-Zip archive"),
    ("a.tar.xz", "a tar archive"),
    ("a.tar", "a tar archive"),
    ("a.zip.001", "a part of a split archive"),
    ("a.z01", "a part of a split archive"),
    ("a.gnt.gz", "a compressed file"),
    ("a.gnt.part", "an unfinished download"),
    ("a.zip.crdownload", "an unfinished download"),
]


@pytest.mark.parametrize(("name", "kind"), ARCHIVES)
@pytest.mark.parametrize("place", ["alone", "beside", "below", "zipped"])
def test_what_cannot_be_opened_is_never_passed_over(tmp_path, name, kind, place):
    content = make(tmp_path / "1.0test-gb1.gnt")
    if place == "zipped":
        pack(tmp_path / "HWDB1.1trn_gnt.zip", {f"x/{name}": b"packed", "b.gnt": content})
    else:
        path = tmp_path / ("deep" if place == "below" else "") / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"packed")
    given = path if place == "alone" else tmp_path
    with pytest.raises(UserError) as caught:
        gnt_files.find(given)
    message = str(caught.value)
    assert f"{name}: this is {kind}" in message
    assert "unpack it first" in message or "let it finish" in message
    assert message.startswith(str(given))


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("HWDB1.0trn.mpf", "CASIA's feature vectors"),
        ("001-P16.dgr", "CASIA's pages of handwritten text"),
        ("001-P16.dgrl", "CASIA's pages of handwritten text"),
        ("1001.POT", "CASIA's online characters"),
        ("P16.wptt", "CASIA's pages of online text"),
        ("P16.ptts", "CASIA's pages of online text"),
    ],
)
def test_other_formats_of_casia_are_named(tmp_path, name, what):
    (tmp_path / name).write_bytes(b"x" * 100)
    for place in (tmp_path, tmp_path / name):
        with pytest.raises(UserError, match=rf"{name}: this is {what}.*; fetch the \.gnt files"):
            gnt_files.find(place)
    with pytest.raises(UserError, match=what):
        pack(tmp_path / "x.zip", {name: b"x"})
        gnt_files.find(tmp_path / "x.zip")


@pytest.mark.parametrize("name", ["HWDB1.1trn_gnt.alz", "x.tar.gz", "HWDB1.1trn_gnt.zip", "y.rar"])
def test_an_archive_beside_what_was_in_it_is_no_error(tmp_path, name):
    make(tmp_path / "y.gnt")
    make(tmp_path / name.split(".tar")[0].rsplit(".", 1)[0] / "1001-c.gnt")
    make(tmp_path / "x" / "1001-c.gnt")
    if name.endswith(".zip"):
        pack(tmp_path / name, {"HWDB1.1trn_gnt.alz": b"packed"})
    else:
        (tmp_path / name).write_bytes(b"packed")
    assert len(names(tmp_path)) >= 2


def test_files_that_hold_no_characters_are_ignored(tmp_path):
    make(tmp_path / "a.gnt")
    for name in ("notes.txt", "notes.txt.gz", "list.xz", "paper.pdf", "a.001"):
        (tmp_path / name).write_bytes(b"x")
    assert names(tmp_path) == ["a.gnt"]
    pack(tmp_path / "other.zip", {"a.txt": "a"})
    with pytest.raises(UserError, match=r"no \.gnt file in it; pass the folder"):
        gnt_files.find(tmp_path / "other.zip")


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"ALZ\x01\n\0\0\0", "an ALZip archive"), (b"Rar!\x1a\x07\x01", "a RAR archive"),
     (b"\x1f\x8b\x08", "a compressed file"), (b"PK\x03\x04", "a zip archive")],
)  # fmt: skip
def test_an_archive_under_another_name(tmp_path, content, kind):
    (tmp_path / "1.0train-gb1.gnt").write_bytes(content + bytes(500))
    with pytest.raises(UserError, match=rf"not a GNT file but {kind} .*; unpack it first"):
        gnt.scan(tmp_path / "1.0train-gb1.gnt")


def test_a_file_that_is_no_archive(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK but not really" * 10)
    with pytest.raises(UserError, match=r"a\.zip: damaged archive .*download it again"):
        gnt_files.find(tmp_path)


def damage(path, at, value):
    content = bytearray(path.read_bytes())
    content[at : at + len(value)] = value
    path.write_bytes(content)


@pytest.fixture
def archive(tmp_path):
    """An archive of one member of 100,000 bytes, the member's part, and its content."""
    content = np.random.default_rng(0).bytes(100_000)
    pack(tmp_path / "a.zip", {"x.gnt": content})
    (part,) = gnt_files.find(tmp_path / "a.zip")
    return tmp_path / "a.zip", part, content


def unpack(part, folder):
    with gnt_files.on_disk([part], folder / "scratch") as paths:
        return paths[0].read_bytes()


def test_members_are_unpacked_and_removed(archive, tmp_path):
    path, part, content = archive
    with gnt_files.on_disk([part], tmp_path / "scratch") as paths:
        assert paths[0].parent == tmp_path / "scratch"
        assert paths[0].read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_plain_files_are_used_where_they_are(tmp_path):
    make(tmp_path / "a.gnt")
    with gnt_files.on_disk(gnt_files.find(tmp_path), tmp_path / "scratch") as paths:
        assert paths == [tmp_path / "a.gnt"]
        assert not (tmp_path / "scratch").exists()


def test_hash_is_that_of_the_content(archive, tmp_path):
    _, part, content = archive
    (tmp_path / "plain.gnt").write_bytes(content)
    (plain,) = gnt_files.find(tmp_path / "plain.gnt")
    expected = hashlib.sha256(content).hexdigest()
    read = []
    assert gnt_files.content_hash(part, read.append) == expected
    assert gnt_files.content_hash(plain, read.append) == expected
    assert sum(read) == 200_000


def test_five_thousand_members_take_no_longer_than_their_content(tmp_path, monkeypatch):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(5000):
            archive.writestr(f"{number:04}.gnt", b"")
    opened = []

    class Counted(zipfile.ZipFile):
        def __init__(self, *args, **options):
            opened.append(args)
            super().__init__(*args, **options)

    monkeypatch.setattr(zipfile, "ZipFile", Counted)
    with pytest.raises(UserError, match="not a GNT file: it is empty"):
        hwdb.open_source(path, cache_dir=tmp_path / "cache")
    lines, fine = verify_hwdb.report(path)
    assert not fine and "damaged: 5,000 records" in lines
    assert len(opened) <= 5  # found, hashed, unpacked; found again and verified


def test_members_of_several_archives_and_files_in_turn(tmp_path):
    members = [make(tmp_path / "part", text) for text in "啊阿埃安"]
    content = dict(
        zip(("a.zip/x.gnt", "a.zip/y.gnt", "b.zip/x.gnt", "b.zip/y.gnt"), members, strict=True)
    )
    for archive in "ab":
        pack(tmp_path / f"{archive}.zip", {m: content[f"{archive}.zip/{m}"] for m in MEMBERS})
    content["c.gnt"] = make(tmp_path / "c.gnt", "宁")
    parts = gnt_files.find(tmp_path)
    parts = [parts[i] for i in (3, 0, 4, 1, 2)]
    with gnt_files.on_disk(parts, tmp_path / "scratch") as paths:
        assert [path.read_bytes() for path in paths] == [content[part.name] for part in parts]


@pytest.mark.parametrize("name", ["x.gnt", "x.zip"])
def test_a_fifo_in_place_of_a_file_is_not_waited_for(tmp_path, name):
    make(tmp_path / "y.gnt")
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.write(tmp_path / "y.gnt", "y.gnt")
    (part,) = gnt_files.find(tmp_path / name)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(UserError, match="expected a regular file, found a FIFO"):
        gnt_files.content_hash(part, lambda _: None)


def test_a_damaged_member(archive, tmp_path):
    path, part, _ = archive
    damage(path, 50_000, b"damaged")
    with pytest.raises(UserError, match=r"a\.zip: damaged archive"):
        unpack(part, tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_cut_archive(archive, tmp_path):
    path, _, _ = archive
    os.truncate(path, 60_000)
    with pytest.raises(UserError, match=r"a\.zip: damaged archive"):
        gnt_files.find(path)


def central(path):
    return path.read_bytes().index(b"PK\x01\x02")


def test_an_archive_that_declares_less_than_it_holds(archive, tmp_path):
    path, _, _ = archive
    damage(path, central(path) + 24, (1000).to_bytes(4, "little"))
    (part,) = gnt_files.find(path)
    assert part.size == 1000
    with pytest.raises(UserError, match="damaged archive"):
        unpack(part, tmp_path)


def test_an_archive_that_declares_more_than_fits(archive, tmp_path, monkeypatch):
    path, _, _ = archive
    damage(path, central(path) + 24, (4_000_000_000).to_bytes(4, "little"))
    (part,) = gnt_files.find(path)
    free = shutil.disk_usage(tmp_path)._replace(free=1_000_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(UserError, match="unpacking the archives needs 3,815 MiB"):
        unpack(part, tmp_path)


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [(10, b"\x09\x00", "compression"), (8, b"\x01\x00", "password")],
)
def test_archives_that_must_be_unpacked_by_hand(archive, tmp_path, at, value, message):
    path, _, _ = archive
    damage(path, central(path) + at, value)
    damage(path, at - 2, value)  # the same field of the member's own header
    (part,) = gnt_files.find(path)
    with pytest.raises(UserError, match=f"{message}.*; unpack it by hand"):
        unpack(part, tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_disk_full_while_unpacking_names_the_scratch_folder(archive, tmp_path):
    _, part, _ = archive
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "0.gnt").symlink_to("/dev/full")
    message = r"scratch: the disk is full while unpacking a\.zip/x\.gnt"
    with pytest.raises(UserError, match=message), gnt_files.on_disk([part], scratch):
        pass
