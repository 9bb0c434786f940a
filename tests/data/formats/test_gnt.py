import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lsgan_tf.data.formats import gbk, gnt
from lsgan_tf.errors import UserError


def record(text, height, width, value=0):
    """A record built byte by byte, without the writer under test."""
    size = 10 + height * width
    pixels = bytes((value + i) % 256 for i in range(height * width))
    return (
        size.to_bytes(4, "little")
        + gbk.tag(text)
        + width.to_bytes(2, "little")
        + height.to_bytes(2, "little")
        + pixels
    )


GOOD = [record("啊", 5, 7), record("A", 3, 2, 50), record("座", 6, 4, 100), record("安", 8, 8, 9)]


@pytest.fixture
def scan(tmp_path):
    def scan(content):
        path = tmp_path / "file.gnt"
        path.write_bytes(content)
        return gnt.scan(path)

    return scan


def named(index):
    return "".join(gbk.character(code) for code in index.codes.tolist())


def test_layout_on_disk(tmp_path):
    count = gnt.write(tmp_path / "a.gnt", [("阿", np.array([[1, 2, 3], [4, 5, 6]], np.uint8))])
    assert count == 1
    assert (tmp_path / "a.gnt").read_bytes() == (
        b"\x10\x00\x00\x00"  # 16 bytes: a header of 10 and 2 x 3 pixels
        b"\xb0\xa2"  # high byte of the GB2312 code first
        b"\x03\x00\x02\x00"  # width, then height
        b"\x01\x02\x03\x04\x05\x06"  # row by row
    )


def test_index_of_a_sound_file(scan):
    index = scan(b"".join(GOOD))
    assert index.offsets.tolist() == [0, 45, 61, 95]
    assert index.codes.tolist() == [0xB0A1, 0x4100, 0xD7F9, 0xB0B2]
    assert index.widths.tolist() == [7, 2, 4, 8]
    assert index.heights.tolist() == [5, 3, 6, 8]
    assert index.offsets.dtype == np.int64
    assert {index.codes.dtype, index.widths.dtype, index.heights.dtype} == {np.dtype(np.uint16)}
    assert (index.size, index.damaged, index.damaged_count, len(index)) == (169, (), 0, 4)


def test_bitmaps_and_characters(tmp_path):
    path = tmp_path / "file of any name"
    path.write_bytes(b"".join(GOOD))
    with gnt.GntFile(path) as file:
        assert file.characters == ("啊", "A", "座", "安")
        assert len(file) == 4
        bitmap = file.bitmap(1)
        last = file.bitmap(3)
    assert bitmap.tolist() == [[50, 51], [52, 53], [54, 55]]
    # A view of the mapped file, usable after it was closed.
    assert not last.flags.owndata and not last.flags.writeable
    assert last[7, 7] == 9 + 63


@settings(max_examples=50, deadline=None)
@given(
    records=st.lists(
        st.tuples(
            st.sampled_from("啊座安A0，齄"),
            arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=30)),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_is_written_is_read(records, tmp_path_factory):
    path = tmp_path_factory.mktemp("gnt") / "a.gnt"
    assert gnt.write(path, iter(records)) == len(records)
    with gnt.GntFile(path) as file:
        assert file.index.damaged_count == 0
        assert file.characters == tuple(character for character, _ in records)
        for i, (_, bitmap) in enumerate(records):
            np.testing.assert_array_equal(file.bitmap(i), bitmap)


def changed(number, at, value):
    """The intact records with bytes of one changed, and its offset."""
    records = list(GOOD)
    old = records[number]
    records[number] = old[:at] + value + old[at + len(value) :]
    return b"".join(records), sum(map(len, GOOD[:number]))


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (0, b"\x11", "record size 17 is not 10 + width 2 x height 3"),
        (0, b"\0\0\0\0", "record size 0 is not 10 + width 2 x height 3"),
        (0, b"\xff\xff\xff\xff", "record size 4294967295 is not"),
        (4, b"\xff\xff", "tag ffff is not GBK"),
        (4, b"\x0a\x00", "tag 0a00 is not GBK"),
        (6, b"\x05", "record size 16 is not 10 + width 5 x height 3"),
        (6, b"\0", "record size 16 is not 10 + width 0 x height 3"),
        (8, b"\xff\xff", "record size 16 is not 10 + width 2 x height 65535"),
    ],
)
def test_a_damaged_record_is_left_out_and_located(scan, at, value, reason):
    content, start = changed(1, at, value)
    index = scan(content)
    assert named(index) == "啊座安"
    assert index.offsets.tolist() == [0, 61, 95]
    assert index.damaged_count == 1
    (damage,) = index.damaged
    assert damage.offset == start == 45
    assert damage.reason.startswith(reason)
    assert damage.records == 1


@pytest.mark.parametrize("sides", [(0, 0), (0, 9), (9, 0)])
def test_a_record_without_pixels_is_damaged(scan, sides):
    height, width = sides
    index = scan(GOOD[0] + record("安", height, width) + GOOD[1])
    assert named(index) == "啊A"
    assert [damage.offset for damage in index.damaged] == [45]
    assert f"width {width} and height {height}: neither may be zero" in index.damaged[0].reason


@pytest.mark.parametrize(
    ("left", "reason"),
    [(1, "truncated: 1 bytes are left for a header"), (9, "truncated: 9"), (10, "has 74 bytes")],
)
def test_a_truncated_record_at_the_end(scan, left, reason):
    content = b"".join(GOOD[:3]) + GOOD[3][:left]
    index = scan(content)
    assert named(index) == "啊A座"
    assert [damage.offset for damage in index.damaged] == [95]
    assert reason in index.damaged[0].reason
    assert index.damaged_count == 1


@pytest.mark.parametrize("filler", [b"\0" * 7, b"\xff" * 33, b"no record at all"])
def test_bytes_that_belong_to_no_record_are_skipped(scan, filler):
    index = scan(GOOD[0] + GOOD[1] + filler + GOOD[2] + GOOD[3])
    assert named(index) == "啊A座安"
    assert [damage.offset for damage in index.damaged] == [61]


def test_missing_bytes_cost_one_record(scan):
    index = scan(GOOD[0] + GOOD[1] + GOOD[2][:-5] + GOOD[3] + GOOD[0])
    # 座 reaches into its neighbour, which is lost with it or found damaged.
    assert named(index) == "啊A座啊"
    assert [damage.offset for damage in index.damaged] == [95]


def test_several_damaged_records_are_told_apart(scan):
    bad_tag = GOOD[1][:4] + b"\xff\xff" + GOOD[1][6:]
    bad_size = b"\x01" + GOOD[2][1:]
    index = scan(GOOD[0] + bad_tag + bad_tag + GOOD[3] + bad_size + GOOD[0])
    assert named(index) == "啊安啊"
    assert [damage.offset for damage in index.damaged] == [45, 61, 151]


def test_a_size_that_leads_to_a_later_record_skips_none(scan):
    # The size of the first leads past the second, to the third.
    content, _ = changed(0, 0, (len(GOOD[0]) + len(GOOD[1])).to_bytes(4, "little"))
    index = scan(content)
    assert named(index) == "A座安"
    assert [damage.offset for damage in index.damaged] == [0]


def test_a_hole_counts_as_many_records_as_it_may_hold(scan):
    records = [record("安", 100, 100)] * 3
    hole = b"\0" * (5 * len(records[0]))
    index = scan(records[0] + hole + records[1] + records[2])
    assert len(index) == 3
    assert index.damaged_count == 5
    assert [(damage.offset, damage.records) for damage in index.damaged] == [(10_010, 5)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"\x0a\x00\x00\x00\xb0\xa1\x00\x00\x00\x00",
        b"This is a text file and no characters in a GNT file." * 50,
        b"\0" * 3_000_000,
        b"\xff" * 100_000,
        GOOD[0][:-1],
        record("安", 0, 0) * 3000,
        # Its size field would be right: 10 + 65535 * 65535 bytes.
        (10 + 65535**2).to_bytes(4, "little") + b"\xb0\xa1\xff\xff\xff\xff" + b"\0" * 100,
    ],
)
def test_what_is_no_gnt_is_refused_in_one_line(scan, content):
    with pytest.raises(UserError, match=r"file\.gnt: not a GNT file: .*download it again") as error:
        scan(content)
    assert "\n" not in str(error.value)


def test_mostly_damaged_is_refused(scan):
    with pytest.raises(UserError, match="more damaged records than intact ones"):
        scan(b"".join(GOOD) + record("安", 0, 0) * 5000)


@pytest.mark.parametrize("name", ["missing.gnt", "."])
def test_unreadable_path(tmp_path, name):
    with pytest.raises(UserError, match="reading characters"):
        gnt.scan(tmp_path / name)


def test_a_boast_of_gigabytes_allocates_nothing(scan):
    boast = (10 + 65535**2).to_bytes(4, "little") + b"\xb0\xa1\xff\xff\xff\xff"
    scan(b"".join(GOOD))
    tracemalloc.start()
    index = scan(b"".join(GOOD) + boast + b"".join(GOOD))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(index) == 8
    assert peak < 256 << 10


def check_rules(path):
    """Invariants for arbitrary bytes."""
    size = path.stat().st_size
    try:
        file = gnt.GntFile(path)
    except UserError as error:
        assert "\n" not in str(error)
        return
    end = 0
    for i in range(len(file)):
        bitmap = file.bitmap(i)
        assert int(file.index.offsets[i]) >= end
        end = int(file.index.offsets[i]) + gnt.HEADER_BYTES + bitmap.size
        assert bitmap.size and end <= size
        assert len(file.characters[i]) == 1
    assert file.index.damaged_count >= len(file.index.damaged)
    assert all(0 <= damage.offset < size for damage in file.index.damaged)
    covered = int(np.sum(file.index.widths.astype(int) * file.index.heights + gnt.HEADER_BYTES))
    assert covered == size or file.index.damaged_count


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "fuzzed.gnt"


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=300))
def test_any_bytes(scratch, content):
    scratch.write_bytes(content)
    check_rules(scratch)


edits = st.tuples(st.integers(0, len(b"".join(GOOD))), st.integers(0, 20), st.binary(max_size=20))


@settings(max_examples=500, deadline=None)
@given(changes=st.lists(edits, min_size=1, max_size=4))
def test_any_change_to_a_sound_file(scratch, changes):
    content = b"".join(GOOD)
    for at, removed, inserted in changes:
        content = content[:at] + inserted + content[at + removed :]
    scratch.write_bytes(content)
    check_rules(scratch)


@settings(max_examples=300, deadline=None)
@given(
    number=st.integers(0, 3),
    field=st.sampled_from([(0, 4), (4, 2), (6, 2), (8, 2)]),
    value=st.integers(0, 2**32 - 1) | st.integers(0, 300),
)
def test_any_change_to_a_header(scratch, number, field, value):
    at, length = field
    content, _ = changed(number, at, (value % 256**length).to_bytes(length, "little"))
    scratch.write_bytes(content)
    check_rules(scratch)
    # Whatever its header contains, only this record is lost.
    assert len(gnt.scan(scratch)) >= 3


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.gnt"
    gnt.write(path, [("安", np.zeros((2, 2), np.uint8))])
    before = path.read_bytes()

    def records():
        yield "宁", np.zeros((2, 2), np.uint8)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gnt.write(path, records())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "bitmap",
    [
        np.zeros((2, 2), np.float32),
        np.zeros((2, 2, 1), np.uint8),
        np.zeros((0, 2), np.uint8),
        np.zeros((1, 1 << 16), np.uint8),
    ],
)
def test_bitmaps_that_do_not_fit_the_format(tmp_path, bitmap):
    with pytest.raises(ValueError, match="安"):
        gnt.write(tmp_path / "a.gnt", [("安", bitmap)])
    assert not list(tmp_path.iterdir())


def test_a_character_that_gbk_lacks(tmp_path):
    with pytest.raises(UserError, match="😀"):
        gnt.write(tmp_path / "a.gnt", [("😀", np.zeros((2, 2), np.uint8))])
    assert not list(tmp_path.iterdir())


def test_write_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="writing characters"):
        gnt.write(tmp_path / "file" / "a.gnt", [("安", np.zeros((2, 2), np.uint8))])
