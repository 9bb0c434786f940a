"""LSUN's original databases."""

from __future__ import annotations

import gc
import os
import pickle
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lmdb
import numpy as np
import pytest

from lsgan_tf.data.images.records import sampled
from lsgan_tf.data.lsun import lmdb_database
from lsgan_tf.data.lsun.lmdb_records import open_lmdb
from lsgan_tf.errors import UserError


def test_values_by_position_in_the_order_of_keys(tmp_path, write_lmdb, bedrooms):
    folder = write_lmdb(tmp_path / "bedroom_train_lmdb", bedrooms)
    records = open_lmdb(folder, cache_dir=tmp_path / "cache")
    assert len(records) == 30
    for index, (key, value) in enumerate(sorted(bedrooms.items())):
        assert records.content(index) == value
        assert records.name_of(index) == key.decode()
    assert sorted(path.name for path in folder.iterdir()) == ["data.mdb"]


def test_keys_of_any_length(tmp_path, write_lmdb):
    entries = {b"a" * n: b"%d" % n for n in (1, 3, 200, 511)}
    records = open_lmdb(write_lmdb(tmp_path / "x", entries), cache_dir=tmp_path / "cache")
    assert [records.content(index) for index in range(4)] == [b"1", b"3", b"200", b"511"]


def test_two_may_read_one_database(tmp_path, write_lmdb, bedrooms):
    folder = write_lmdb(tmp_path / "x", bedrooms)
    first = open_lmdb(folder, cache_dir=tmp_path / "cache")
    second = open_lmdb(folder, cache_dir=tmp_path / "cache")
    third = pickle.loads(pickle.dumps(first))
    assert first.content(5) == second.content(5) == third.content(5)
    del first, second, third
    gc.collect()
    assert len(open_lmdb(folder, cache_dir=tmp_path / "cache")) == 30


def test_threads_read_the_same(tmp_path, write_lmdb, bedrooms):
    records = open_lmdb(write_lmdb(tmp_path / "x", bedrooms), cache_dir=tmp_path / "cache")
    order = np.random.default_rng(0).integers(0, 30, 500).tolist()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(records.content, order))
    assert found == [records.content(index) for index in order]


def test_what_was_read_does_not_stay_in_memory(tmp_path, write_lmdb):
    # Without reopening, all pages that were read would count as memory of the reading process.
    children = Path("/proc/thread-self/children")
    if not children.exists():
        pytest.skip("needs /proc")

    def resident():
        status = Path("/proc", children.read_text().split()[-1], "status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    entries = {b"%d" % number: bytes([number % 256]) * 500_000 for number in range(90)}
    folder = tmp_path / "x"
    folder.mkdir()
    with lmdb.open(str(folder), map_size=1 << 28) as environment:
        with environment.begin(write=True) as transaction:
            for key, value in entries.items():
                transaction.put(key, value)
    records = open_lmdb(folder, cache_dir=tmp_path / "cache")
    del entries
    gc.collect()
    before = resident()
    for index in range(len(records)):
        assert len(set(records.content(index))) == 1
    assert resident() - before < 40


def test_letting_go_changes_nothing(tmp_path, write_lmdb, bedrooms, monkeypatch):
    monkeypatch.setattr(lmdb_database, "_MAPPED_BYTES", 1)
    monkeypatch.setattr(lmdb_database, "_MAPPED_KEYS", 4)
    database = lmdb_database.LmdbDatabase(write_lmdb(tmp_path / "x", bedrooms))
    first = database.keys_after(None)
    assert first + database.keys_after(first[-1]) == sorted(bedrooms)[:8]
    assert {key: database.value(key) for key in bedrooms} == bedrooms


def test_the_table_of_keys_is_made_once_and_again_if_damaged(tmp_path, write_lmdb, bedrooms):
    folder = write_lmdb(tmp_path / "x", bedrooms)
    open_lmdb(folder, cache_dir=tmp_path / "cache")
    (table,) = filter(Path.is_dir, (tmp_path / "cache" / "lmdb_keys").iterdir())
    made = (table / "ends.i64").stat().st_mtime_ns
    open_lmdb(folder, cache_dir=tmp_path / "cache")
    assert (table / "ends.i64").stat().st_mtime_ns == made
    (table / "strings.bin").write_bytes(b"")
    records = open_lmdb(folder, cache_dir=tmp_path / "cache")
    assert records.content(3) == sorted(bedrooms.items())[3][1]


def test_the_fingerprint_is_of_the_content(tmp_path, write_lmdb, bedrooms):
    def fingerprint(name, entries):
        folder = write_lmdb(tmp_path / name, entries)
        return open_lmdb(folder, cache_dir=tmp_path / "cache").fingerprint()

    original = fingerprint("a", bedrooms)
    assert fingerprint("elsewhere/b", bedrooms) == original
    key = sorted(bedrooms)[17]
    assert fingerprint("c", {**bedrooms, key: bedrooms[key][:-1] + b"!"}) != original
    assert fingerprint("d", {k: v for k, v in bedrooms.items() if k != key}) != original


def test_a_change_of_any_entry_changes_the_fingerprint(tmp_path, write_lmdb):
    entries = {b"%03d" % number: bytes(100) for number in range(150)}
    before = open_lmdb(write_lmdb(tmp_path / "x", entries), cache_dir=tmp_path / "cache")
    digests = before.fingerprint(), before.former_fingerprint()
    looked_at = set(sampled(before, 64))
    unseen = next(n for n in range(20, 130) if n not in looked_at)  # Nor at the ends.
    del before
    gc.collect()
    write_lmdb(tmp_path / "x", {b"%03d" % unseen: b"x" * 100})
    after = open_lmdb(tmp_path / "x", cache_dir=tmp_path / "cache")
    assert after.former_fingerprint() == digests[1]
    assert after.fingerprint() != digests[0]


@pytest.mark.parametrize("entries", [29, 31, 5000])
def test_another_number_of_entries_than_its_header_says(tmp_path, write_lmdb, bedrooms, entries):
    path = write_lmdb(tmp_path / "x", bedrooms) / "data.mdb"
    content, number = path.read_bytes(), (30).to_bytes(8, "little")
    path.write_bytes(content.replace(number, entries.to_bytes(8, "little")))
    with pytest.raises(UserError, match=r"data\.mdb: a damaged database"):
        open_lmdb(path.parent, cache_dir=tmp_path / "cache")


def test_a_changed_database_is_not_read_by_an_old_table(tmp_path, write_lmdb, bedrooms):
    folder = write_lmdb(tmp_path / "x", bedrooms)
    open_lmdb(folder, cache_dir=tmp_path / "cache")
    gc.collect()
    middle = b"7" * 40
    write_lmdb(folder, {middle: b"new"})
    records = open_lmdb(folder, cache_dir=tmp_path / "cache")
    assert len(records) == 31
    assert b"new" in [records.content(index) for index in range(31)]


@pytest.mark.parametrize("kept", [0, 100, 4096, 8192, 0.5, -4096])
def test_a_database_cut_short_is_refused(tmp_path, write_lmdb, bedrooms, kept):
    # Without the check the process would die of a bus error.
    folder = write_lmdb(tmp_path / "x", bedrooms)
    whole = (folder / "data.mdb").read_bytes()
    (folder / "data.mdb").write_bytes(whole[: int(len(whole) * kept) if kept == 0.5 else kept])
    with pytest.raises(UserError, match=r"data\.mdb: .*truncated"):
        open_lmdb(folder, cache_dir=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_damage_that_kills_the_reading_process_is_an_error(tmp_path, write_lmdb):
    path = write_lmdb(tmp_path / "x", {b"a": bytes(9000), b"b": b"b" * 9000}) / "data.mdb"
    content = path.read_bytes()
    size = struct.pack("<4H", 9000, 0, 1, 1)  # of the value, in the node of b"b": its low half ...
    large = struct.pack("<4H", 9000, 1 << 14, 1, 1)  # ... and its high half: beyond the file
    path.write_bytes(content.replace(size + b"b", large + b"b"))
    with pytest.raises(UserError, match=r"reading .*data\.mdb ended with .* the file is damaged"):
        open_lmdb(path.parent, cache_dir=tmp_path / "cache")


def test_other_faults(tmp_path, write_lmdb):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"without its data\.mdb"):
        open_lmdb(tmp_path / "empty", cache_dir=tmp_path)
    (tmp_path / "empty" / "data.mdb").write_bytes(b"nonsense" * 4000)
    with pytest.raises(UserError, match="not an LMDB"):
        open_lmdb(tmp_path / "empty", cache_dir=tmp_path)
    with pytest.raises(UserError, match="without entries"):
        open_lmdb(write_lmdb(tmp_path / "none", {}), cache_dir=tmp_path)


@pytest.mark.skipif("LSGAN_TF_DATA" not in os.environ, reason="needs real data: LSGAN_TF_DATA")
@pytest.mark.parametrize(
    ("name", "count", "kind"),
    [("bedroom_train_lmdb", 1200, b"RIFF"), ("bedroom_val_lmdb", 150, b"\xff\xd8\xff")],
)
def test_real_databases(tmp_path, name, count, kind):
    folder = Path(os.environ["LSGAN_TF_DATA"]) / "lsun" / name
    records = open_lmdb(folder, cache_dir=tmp_path)
    assert len(records) == count
    for index in range(0, count, 50):
        assert records.content(index).startswith(kind)
        assert len(bytes.fromhex(records.name_of(index))) == 20
