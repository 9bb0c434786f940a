import hashlib
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lsgan_tf.data.formats import gnt
from lsgan_tf.data.hwdb import gnt_files
from lsgan_tf.errors import UserError


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
    (tmp_path / "gone.gnt").symlink_to(tmp_path / "nowhere")
    assert names(tmp_path) == ["a/x.gnt"]


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
        ("latest/part01.gnt", False),
        ("contest.gnt", False),
    ],
)
def test_which_files_are_test_files(name, is_test):
    assert gnt_files.GntPart(name, Path("x"), None, 1).is_test is is_test


def test_no_such_folder(tmp_path):
    with pytest.raises(UserError, match=r"nowhere: no such data folder; .* --data_dir"):
        gnt_files.find(tmp_path / "nowhere")


def test_neither_file_nor_folder(tmp_path):
    os.mkfifo(tmp_path / "pipe.gnt")
    with pytest.raises(UserError, match="neither a folder nor a file"):
        gnt_files.find(tmp_path / "pipe.gnt")
    with pytest.raises(UserError, match=r"no \.gnt file in it"):
        gnt_files.find(tmp_path)


def test_no_gnt_names_an_archive_that_may_hold_it(tmp_path):
    (tmp_path / "1.0train-gb1.rar").write_bytes(b"Rar!")
    with pytest.raises(UserError, match=r"no \.gnt file in it; unpack 1.0train-gb1.rar by hand"):
        gnt_files.find(tmp_path)
    with pytest.raises(UserError, match=r"no \.gnt file in it; give the folder"):
        pack(tmp_path / "other.zip", {"a.txt": "a"})
        gnt_files.find(tmp_path / "other.zip")


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
