import concurrent.futures
import threading

import pytest

from lsgan_tf.data.images.cached_index import open_index
from lsgan_tf.errors import UserError

pytestmark = pytest.mark.fast


def test_built_once_by_several_at_the_same_time(tmp_path):
    built = []
    together = threading.Barrier(4)

    def build(folder):
        built.append(folder)
        (folder / "text").write_text("index")

    def opened(_):
        together.wait()
        return open_index(tmp_path / "i", (tmp_path / "i" / "text").read_text, build, "building")

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        assert [*threads.map(opened, range(4))] == ["index"] * 4
    assert len(built) == 1


def test_a_damaged_index_is_built_again(tmp_path):
    (tmp_path / "i").mkdir()

    def load():
        return int((tmp_path / "i" / "number").read_text())

    (tmp_path / "i" / "number").write_text("no")
    assert open_index(tmp_path / "i", load, lambda f: (f / "number").write_text("7"), "b") == 7


def test_an_error_of_building_leaves_no_index(tmp_path):
    def build(folder):
        raise UserError("no image")

    with pytest.raises(UserError, match="no image"):
        open_index(tmp_path / "i", (tmp_path / "i").read_text, build, "building")
    assert not (tmp_path / "i").exists()
