"""Pickles: only arrays and plain containers are loaded."""

from __future__ import annotations

import os
import pickle
import struct
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsgan_tf.data.formats.plain_pickle import load_pickle
from lsgan_tf.errors import UserError

BATCH = {
    b"labels": [3, 1, 2],
    b"data": np.arange(12, dtype=np.uint8).reshape(3, 4),
    b"filenames": [b"a.png", b"", b"c.png"],
    "number": (1, 2.5, None, True),
}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol(protocol):
    # The first two escape bytes in a way of their own; arrays alone must do.
    batch = {"data": BATCH[b"data"]} if protocol < 2 else BATCH
    assert_same(load_pickle(pickle.dumps(batch, protocol=protocol), "x"), batch)


@pytest.mark.parametrize("dtype", ["uint8", "int64", ">i4", "uint16"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_dtypes_and_orders(dtype, order):
    array = np.asarray(np.arange(6).reshape(2, 3), dtype, order=order)
    for protocol in (2, 4, 5):
        found = load_pickle(pickle.dumps(array, protocol=protocol), "x")
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype


def python2_pickle(labels, data):
    """A batch like the official files of Python 2: byte strings without their own type."""

    def text(value):
        return b"U" + bytes([len(value)]) + value

    def long_text(value):
        return b"T" + struct.pack("<i", len(value)) + value

    rows, columns = data.shape
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00t" + text(b"b") + b"tR"
        b"(K\x01(M" + struct.pack("<H", rows) + b"M" + struct.pack("<H", columns) + b"t"
        b"cnumpy\ndtype\n(" + text(b"u1") + b"K\x00K\x01tR"
        b"(K\x03" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89" + long_text(data.tobytes()) + b"tb"
    )
    items = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}(" + text(b"labels") + items + text(b"data") + array + b"u."


def test_pickles_of_python_2():
    data = np.arange(200, 212, dtype=np.uint8).reshape(3, 4)
    found = load_pickle(python2_pickle([1, 2, 3], data), "x")
    assert_same(found, {b"labels": [1, 2, 3], b"data": data})


class Evil:
    def __init__(self, call, *arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


@pytest.mark.parametrize(
    ("call", "arguments", "named"),
    [
        (os.system, ("touch evil",), r"(posix|nt)\.system"),
        (eval, ("1",), r"(builtins|__builtin__)\.eval"),
        (np.load, ("x.npy",), r"numpy\.load"),
        (getattr, ("x", "upper"), r"getattr"),
        (np.memmap, ("evil", "uint8", "w+", 0, (4,)), "memmap"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_anything_else_is_refused_by_name_and_not_run(
    call, arguments, named, protocol, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    content = pickle.dumps({"data": Evil(call, *arguments)}, protocol=protocol)
    with pytest.raises(UserError, match=rf"^batch: this pickle refers to .*{named}"):
        load_pickle(content, "batch")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "array", [np.array(["a", {}], object), np.zeros(3), np.array([("a", 1)], "U3,i4")]
)
def test_arrays_of_anything_but_whole_numbers_are_refused(array):
    with pytest.raises(UserError, match=r"integers|damaged or truncated|refers to"):
        load_pickle(pickle.dumps({"data": array}, protocol=2), "x")


def test_a_shape_that_the_bytes_do_not_fill_is_refused():
    content = pickle.dumps(np.zeros((3, 40), np.uint8), protocol=2)
    changed = content.replace(b"K\x03K\x28", b"K\x03K\x29")
    assert changed != content
    with pytest.raises(UserError, match=r"shape \(3, 41\)"):
        load_pickle(changed, "x")


def test_a_memo_that_would_take_all_the_memory_is_refused():
    content = b"\x80\x02]r" + struct.pack("<I", 2**32 - 1) + b"."
    with pytest.raises(UserError, match="position 4294967295 of its memo"):
        load_pickle(content, "x")


def test_every_cut_is_refused():
    content = pickle.dumps(BATCH, protocol=2)
    for length in range(len(content)):
        with pytest.raises(UserError, match=r"^x: "):
            load_pickle(content[:length], "x")


@given(st.data())
def test_damaged_pickles_never_raise_anything_else(data):
    content = bytearray(pickle.dumps(BATCH, protocol=data.draw(st.sampled_from([2, 4, 5]))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        load_pickle(bytes(content), "x")
    except UserError as error:
        assert "\n" not in str(error)


def test_references_outside_are_refused():
    with pytest.raises(UserError, match="persistent"):
        load_pickle(b"\x80\x02K\x01Q.", "x")


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_plain_containers_in_every_protocol(protocol):
    value = {"x": ([1], {2: (3,), (4, 5): []}, None)}
    assert load_pickle(pickle.dumps(value, protocol=protocol), "x") == value


def test_messages_are_short_and_plain():
    for content in (b"c" + b"a" * 10**6 + b"\nb\n.", b"c\x1b[31mred\nb\n."):
        with pytest.raises(UserError, match="refers to") as caught:
            load_pickle(content, "x")
        assert len(str(caught.value)) < 300
        assert str(caught.value).isprintable()


def nested(depth):
    """Nested lists, 10 ** depth in total with ten stored per level."""
    value = [0] * 10
    for _ in range(depth):
        value = [value] * 10
    return value


def test_nested_lists_are_not_written_out():
    # As text, each of these would take all the memory.
    bomb = pickle.dumps(nested(30), protocol=2)[2:-1]
    for content in (
        b"cnumpy\ndtype\n(" + bomb + b"tR.",  # the name of a dtype
        b"c_codecs\nencode\n(U\x01a" + bomb + b"tR.",  # an encoding
        bomb + b"Q.",  # a reference to something outside
    ):
        with pytest.raises(UserError):
            load_pickle(b"\x80\x02" + content, "x")


def doubled(times, again):
    """A tuple that repeatedly doubles itself, in a few bytes."""
    return b"\x80\x02)" + b"".join(again(number) for number in range(times))


BOMBS = {
    "memo": lambda n: b"q" + bytes([n]) + b"h" + bytes([n]) + b"\x86",
    "text memo": lambda n: b"p%d\ng%d\n\x86" % (n, n),
    "stack": lambda n: b"2\x86",
    "protocol 4": lambda n: b"\x94h" + bytes([n]) + b"\x86",
    "through a list": lambda n: b"(" + b"q" + bytes([n]) + b"0h" + bytes([n]) + b"t",
}


@pytest.mark.parametrize("again", BOMBS.values(), ids=BOMBS.keys())
@pytest.mark.parametrize("use", [b"}%sK\x01s.", b"%s.", b"c__builtin__\nset\n(]%sat\x81."])
def test_a_tuple_that_doubles_itself_takes_no_time(again, use):
    bomb = doubled(60, again)
    start = time.process_time()
    with pytest.raises(UserError):
        load_pickle(bomb[:2] + use % bomb[2:], "x")
    assert time.process_time() - start < 5


@pytest.mark.parametrize("protocol", [2, 4])
def test_sets_are_no_arrays(protocol):
    with pytest.raises(UserError, match="which arrays do not need"):
        load_pickle(pickle.dumps({"x": {1, 2}}, protocol=protocol), "x")


def test_endless_instructions_are_refused_in_time():
    start = time.process_time()
    with pytest.raises(UserError, match="more than 2,000,000 instructions"):
        load_pickle(b"\x80\x02" + b"N0" * (20 << 20) + b"N.", "x")
    assert time.process_time() - start < 30


@pytest.mark.parametrize("size", [10**12, -1, 1.5])
def test_a_buffer_that_is_a_number_takes_no_memory(size):
    array = pickle.dumps(size, protocol=4)[2:-1]
    content = b"\x80\x05cnumpy._core.numeric\n_frombuffer\n(" + array
    content += b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(I5\nt(U\x01CtR."
    with pytest.raises(UserError):
        load_pickle(content, "x")
