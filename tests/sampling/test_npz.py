from __future__ import annotations

import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsgan_tf.sampling import npz
from lsgan_tf.util.reading import read_array

pytestmark = pytest.mark.fast


@given(sizes=st.lists(st.integers(0, 5), max_size=6), wide=st.integers(1, 4))
def test_pieces_come_back_as_one_array(tmp_path_factory, sizes, wide):
    rng = np.random.default_rng(sum(sizes))
    pieces = [rng.integers(0, 256, (size, wide), np.uint8) for size in sizes]
    whole = np.concatenate([np.zeros((0, wide), np.uint8), *pieces])
    names = np.array(["安", "a"] * 3, "<U1")
    path = tmp_path_factory.mktemp("npz") / "set.npz"
    npz.write(
        path,
        {
            "images": npz.Pieces(whole.shape, whole.dtype, iter(pieces)),
            "chars": npz.Pieces(names.shape, names.dtype, [names[:4], names[4:]]),
        },
    )
    with np.load(path) as found:
        assert sorted(found.files) == ["chars", "images"]
        np.testing.assert_array_equal(found["images"], whole)
        np.testing.assert_array_equal(found["chars"], names)


def test_it_is_compressed(tmp_path):
    npz.write(
        tmp_path / "a.npz", {"x": npz.Pieces((10**6,), np.dtype("u1"), [np.zeros(10**6, "u1")])}
    )
    assert (tmp_path / "a.npz").stat().st_size < 10_000
    assert zipfile.ZipFile(tmp_path / "a.npz").testzip() is None


@pytest.mark.parametrize("pieces", [[np.zeros(3, "u1")], [np.zeros(4, "f4")], [np.zeros(5, "u1")]])
def test_pieces_that_do_not_fit_are_refused(tmp_path, pieces):
    with pytest.raises(ValueError, match="x: "):
        npz.write(tmp_path / "a.npz", {"x": npz.Pieces((4,), np.dtype("u1"), pieces)})


@pytest.mark.parametrize(
    "shape", [f"({10**40}, 1)", "(True, 1)", "(-1, 1)", "(" * 4000, "(10 ** 9, 1)", "(1000000, 1)"]
)
def test_damaged_headers(tmp_path, shape):
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    content = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", content)
    with pytest.raises(ValueError):
        npz.read(tmp_path / "a.npz", 1 << 20)
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ValueError, match=r"^a\.npy"):
        read_array(tmp_path / "a.npy", "uint8", (None, 1))
