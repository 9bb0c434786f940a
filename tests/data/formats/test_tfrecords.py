"""TFRecord framing: compatible with TensorFlow, and damage is detected."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lsgan_tf.data.formats.tfrecords import RecordFile, frame, framed_bytes
from lsgan_tf.errors import UserError

pytestmark = pytest.mark.fast

CONTENTS = [b"", b"a", b"some content", bytes(range(256)) * 20]


@pytest.fixture
def record_file(tmp_path):
    path = tmp_path / "x.tfrecord"
    path.write_bytes(b"".join(map(frame, CONTENTS)))
    return path


def test_tensorflow_reads_it(record_file):
    import tensorflow as tf

    assert [r.numpy() for r in tf.data.TFRecordDataset(str(record_file))] == CONTENTS


def test_reads_what_tensorflow_writes(tmp_path):
    import tensorflow as tf

    path = tmp_path / "y.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for content in CONTENTS:
            writer.write(content)
    records = RecordFile(path)
    assert [records.read(offset) for offset in records.offsets()] == CONTENTS


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(contents=st.lists(st.binary(max_size=300), min_size=1, max_size=20))
def test_any_record_by_its_offset(tmp_path, contents):
    path = tmp_path / "z.tfrecord"
    path.write_bytes(b"".join(map(frame, contents)))
    records = RecordFile(path)
    offsets = records.offsets()
    assert len(offsets) == len(contents)
    for offset, content in reversed(list(zip(offsets, contents, strict=True))):
        assert records.read(offset, framed_bytes(len(content))) == content
        assert records.read(offset) == content
    records.close()


def test_checksums_tell_what_changed(tmp_path):
    seen = []
    for contents in ([b"abc", b"d"], [b"abc", b"e"], [b"ab", b"cd"]):
        (tmp_path / "x.tfrecord").write_bytes(b"".join(map(frame, contents)))
        checks = []
        RecordFile(tmp_path / "x.tfrecord").offsets(checks.append)
        assert len(checks) == 2
        seen.append(checks)
    assert seen[0][0] == seen[1][0] and seen[0][1] != seen[1][1] and seen[0][0] != seen[2][0]


def test_every_flipped_byte_is_seen(record_file):
    whole = record_file.read_bytes()
    start, stop = len(frame(b"")) + len(frame(b"a")), len(whole) - len(frame(CONTENTS[-1]))
    for position in range(start, stop):
        damaged = bytearray(whole)
        damaged[position] ^= 0x10
        record_file.write_bytes(damaged)
        records = RecordFile(record_file)
        with pytest.raises(UserError, match=r"x\.tfrecord: no intact record at byte 33"):
            records.read(start, stop - start)
        records.close()


@pytest.mark.parametrize("kept", [1, 11, 12, 20, 5000])
def test_a_file_cut_short_is_refused(record_file, kept):
    record_file.write_bytes(record_file.read_bytes()[:kept])
    with pytest.raises(UserError, match="damaged or truncated"):
        RecordFile(record_file).offsets()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"gone\.tfrecord"):
        RecordFile(tmp_path / "gone.tfrecord").read(0)
