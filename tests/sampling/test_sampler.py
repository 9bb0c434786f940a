from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tracemalloc
import unicodedata

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from lsgan_tf.data.formats.gnt import GntFile
from lsgan_tf.errors import UserError
from lsgan_tf.sampling import files as sample_files
from lsgan_tf.sampling import image_grid
from lsgan_tf.sampling.class_names import labels_by_name
from lsgan_tf.sampling.files import write_set, write_text
from lsgan_tf.sampling.sampler import Sampler

# Loads a SavedModel where lsgan_tf cannot be imported, and writes with it.
ALONE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "lsgan_tf":
            raise ImportError("lsgan_tf is not here")

sys.meta_path.insert(0, Refuse())
try:
    import lsgan_tf
    sys.exit("lsgan_tf can be imported")
except ImportError:
    pass
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
images = model.signatures["write"](text=tf.constant("安宁安"), seed=tf.constant(7))["images"]
np.save(sys.argv[2], images.numpy())
"""


@pytest.fixture(scope="module")
def sampler(tiny_run):
    return Sampler(tiny_run.path / "export")


class Fake(Sampler):
    """A sampler whose images encode their label, chunk seed and index."""

    def __init__(self, classes, shape=(8, 8, 1), chunk=4):
        self.classes, self.shape, self.chunk = list(classes), shape, chunk
        self.conditional, self.step, self.standin = bool(classes), 3, False
        self._labels = labels_by_name(self.classes)
        self.calls = []

    def sample(self, count, seed, labels=None):
        self.calls.append((count, seed))
        images = np.zeros((count, *self.shape), np.uint8)
        images[:, 0, 0, 0] = 0 if labels is None else labels
        images[:, 1, 1, 0] = np.arange(count)
        return images


class TestSampler:
    def test_knows_its_model(self, sampler):
        assert (sampler.step, sampler.standin, sampler.conditional) == (12, False, True)
        assert (sampler.classes, sampler.shape) == (list("啊阿埃安宁"), (8, 8, 1))
        assert sampler.of_characters

    def test_the_same_seed_gives_the_same_images(self, sampler):
        one, two = sampler.write("安宁安", 7), sampler.write("安宁安", 7)
        assert one.shape == (3, 8, 8, 1) and one.dtype == np.uint8
        np.testing.assert_array_equal(one, two)
        assert (one != sampler.write("安宁安", 8)).any()
        assert (one[0] != one[2]).any()  # the same character twice, with two noise vectors

    def test_write_and_sample_agree(self, sampler):
        np.testing.assert_array_equal(
            sampler.write("安宁安", 7), sampler.sample(3, 7, np.array([3, 4, 3], np.int32))
        )

    def test_drawing_the_noise_of_a_seed_is_sampling(self, sampler, monkeypatch):
        monkeypatch.setattr(sampler, "chunk", 2)
        labels = np.array([3, 4, 3], np.int32)
        drawn = sampler.draw(sampler.noise(3, 7), labels)
        np.testing.assert_array_equal(drawn, sampler.write("安宁安", 7))

    def test_truncated_noise_is_another_and_of_the_same_seed(self, sampler):
        pieces = sampler.stream(5, 3, ["安"], truncation=0.5)
        z = sampler.noise(5, 3) / 2
        np.testing.assert_array_equal(np.concatenate(list(pieces)), sampler.draw(z, np.full(5, 3)))

    def test_classes_spread_evenly(self):
        assert Fake("abcde").evenly_spaced_labels(3).tolist() == [0, 2, 4]
        assert Fake([]).evenly_spaced_labels(3) is None

    def test_no_text_no_images(self, sampler):
        assert sampler.write("", 0).shape == (0, 8, 8, 1)

    @pytest.mark.parametrize(
        ("text", "named"),
        [
            ("安我", "我 (U+6211)"),
            ("a", " a; "),
            ("安,a", " , (U+002C), a; "),
            ("安😀", "😀 (U+1F600)"),
            ("安\n", "U+000A"),
            ("\u200b", "U+200B"),
        ],
    )
    def test_an_unknown_character_is_named(self, sampler, text, named):
        with pytest.raises(UserError) as caught:
            sampler.write(text, 0)
        message = str(caught.value)
        assert named in message and "it knows 5: 啊阿埃安宁" in message and "\n" not in message

    def test_only_the_first_unknown_ones_are_named(self, sampler):
        with pytest.raises(UserError, match=r"一 \(U\+4E00\), .*五 \(U\+4E94\), \.\.\.; it knows"):
            sampler.labels(list("一二三四五六"))

    def test_names_of_characters(self):
        sampler = Fake("é安a")
        assert sampler.names("a 安\n\ta") == ["a", "安", "a"]
        assert sampler.names(unicodedata.normalize("NFD", "é")) == ["é"]

    def test_names_of_words(self):
        sampler = Fake(["cat", "dog"])
        assert not sampler.of_characters
        assert sampler.names("dog, cat") == ["dog", "cat"]
        rooms = Fake(["living room", "kitchen", "e\u0301tage"])
        assert rooms.names("living room, kitchen kitchen") == ["living room", "kitchen", "kitchen"]
        assert rooms.labels(rooms.names("e\u0301tage")).tolist() == [2]
        with pytest.raises(UserError, match=r"does not know cow; it knows 2: cat, dog$"):
            sampler.names("cow")
        with pytest.raises(UserError, match="at least one class, received none"):
            sampler.names(" ,")

    def test_without_labels_there_is_no_text(self):
        with pytest.raises(UserError, match="generator is unconditional"):
            Fake([]).names("安")

    def test_no_saved_model(self, tmp_path):
        with pytest.raises(UserError, match="no SavedModel in it; write one with python -m"):
            Sampler(tmp_path)

    @pytest.mark.parametrize(
        "files",
        [
            {"saved_model.pb": b"\0\1garbage", "export.json": b"{}"},
            {"saved_model.pb": b"", "export.json": b"[]"},
            {"saved_model.pb": b""},
        ],
    )
    def test_a_damaged_saved_model(self, tmp_path, files):
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError) as caught:
            Sampler(tmp_path)
        assert str(tmp_path) in str(caught.value)

    @pytest.mark.parametrize(
        "altered",
        [
            {"z_dim": 3},
            {"data_shape": [8, 9, 1]},
            {"conditional": False},
            {"z_distribution": "cauchy"},
        ],
    )
    def test_metadata_that_does_not_fit_the_functions(self, tiny_run, tmp_path, altered):
        shutil.copytree(tiny_run.path / "export", tmp_path / "export")
        path = tmp_path / "export" / "export.json"
        metadata = json.loads(path.read_text("utf-8"))
        metadata["config"] |= altered
        path.write_text(json.dumps(metadata), "utf-8")
        with pytest.raises(UserError, match=r"export.json does not fit the signatures.*again"):
            Sampler(tmp_path / "export")


class TestStream:
    def test_comes_in_chunks_with_classes_in_turn(self):
        sampler = Fake("abc")
        chunks = list(sampler.stream(10, 5))
        assert [len(chunk) for chunk in chunks] == [4, 4, 2]
        labels = np.concatenate(chunks)[:, 0, 0, 0]
        assert labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]

    def test_of_chosen_classes(self):
        labels = np.concatenate(list(Fake("abc").stream(5, 0, ["c", "a"])))[:, 0, 0, 0]
        assert labels.tolist() == [2, 0, 2, 0, 2]

    def test_no_chunk_shares_its_noise_with_another(self):
        seeds = []
        for seed in (0, 1, 2, 2**31 - 1):
            sampler = Fake("a")
            list(sampler.stream(40, seed))
            assert sampler.calls[0] == (4, seed)
            seeds += [chunk for _, chunk in sampler.calls]
        assert len(set(seeds)) == len(seeds) == 40
        assert all(0 <= seed < 2**31 for seed in seeds)


class TestText:
    def test_is_laid_out_as_it_is_written(self, sampler, tmp_path):
        out = tmp_path / "new" / "line.png"
        write_text(sampler, "安 宁\n\n啊", out, seed=7, scale=1)
        images = sampler.write("安宁啊", 7)
        cells = np.full((3, 3, 8, 8, 1), 255, np.uint8)
        cells[0, 0], cells[0, 2], cells[2, 0] = images
        np.testing.assert_array_equal(np.asarray(Image.open(out)), image_grid.grid(cells))

    @pytest.mark.parametrize(("writers", "alike"), [("line", (True, False)), ("one", (True, True))])
    def test_writers(self, sampler, tmp_path, writers, alike):
        write_text(sampler, "安安\n安", tmp_path / "a.png", seed=7, scale=1, writers=writers)
        picture = np.asarray(Image.open(tmp_path / "a.png"))
        first, second, third = (
            picture[y : y + 8, x : x + 8] for y, x in ((2, 2), (2, 12), (12, 2))
        )
        assert ((first == second).all(), (first == third).all()) == alike

    @pytest.mark.parametrize("text", ["", " \n "])
    def test_nothing_to_write(self, tmp_path, text):
        with pytest.raises(UserError, match="at least one character"):
            write_text(Fake("ab"), text, tmp_path / "o.png", seed=0)

    def test_words_are_no_line(self, tmp_path):
        with pytest.raises(UserError, match="not characters"):
            write_text(Fake(["cat"]), "cat", tmp_path / "o.png", seed=0)

    def test_out_is_a_folder(self, tmp_path):
        with pytest.raises(UserError, match="is a folder"):
            write_text(Fake("ab"), "ab", tmp_path, seed=0)

    def test_a_long_text_is_written_in_chunks(self, sampler, monkeypatch):
        short = sampler.write("安宁", 7)
        monkeypatch.setattr(sampler, "chunk", 2)
        images = sampler.write("安宁安宁安", 7)
        assert images.shape == (5, 8, 8, 1)
        np.testing.assert_array_equal(images[:2], short)
        assert (images[2:4] != short).any()


class TestSets:
    def test_npz(self, tmp_path):
        out = tmp_path / "new" / "set.npz"
        write_set(Fake("安宁啊"), out, "npz", count=10, seed=0)
        with np.load(out) as found:
            assert found["images"].shape == (10, 8, 8) and found["images"].dtype == np.uint8
            assert "".join(found["chars"]) == "安宁啊安宁啊安宁啊安"
            assert found["images"][:, 0, 0].tolist() == [0, 1, 2] * 3 + [0]
            assert found["images"][:, 1, 1].tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]

    def test_npz_of_colours_without_labels(self, tmp_path):
        write_set(Fake([], shape=(8, 8, 3)), tmp_path / "a.npz", "npz", count=5, seed=0)
        with np.load(tmp_path / "a.npz") as found:
            assert found["images"].shape == (5, 8, 8, 3)
            assert found["chars"].tolist() == [""] * 5

    def test_memory_does_not_grow_with_the_count(self, tmp_path):
        sampler = Fake("安宁", shape=(64, 64, 1), chunk=256)
        tracemalloc.start()
        try:
            write_set(sampler, tmp_path / "a.npz", "npz", count=10_000, seed=0)  # 41 MB
            write_set(sampler, tmp_path / "a.gnt", "gnt", count=10_000, seed=0)
            write_set(sampler, tmp_path / "a.tfrecord", "tfrecord", count=3_000, seed=0)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 8e6
        with np.load(tmp_path / "a.npz") as found:
            assert found["chars"].shape == (10_000,)

    def test_gnt(self, sampler, tmp_path):
        write_set(sampler, tmp_path / "a.gnt", "gnt", count=4, seed=3, names=["宁", "安"])
        with GntFile(tmp_path / "a.gnt") as found:
            assert found.characters == ("宁", "安", "宁", "安")
            expected = sampler.write("宁安宁安", 3)
            for i in range(4):
                np.testing.assert_array_equal(found.bitmap(i), expected[i, ..., 0])

    @pytest.mark.parametrize(
        "fake", [Fake(["cat"]), Fake([]), Fake("ab", shape=(8, 8, 3))], ids=["words", "none", "rgb"]
    )
    def test_gnt_holds_grey_characters_alone(self, tmp_path, fake):
        with pytest.raises(UserError, match=r"--format=gnt: .* use --format=png or npz"):
            write_set(fake, tmp_path / "a.gnt", "gnt", count=2, seed=0)
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_of_png(self, tmp_path):
        out = tmp_path / "new" / "set"
        write_set(Fake(["安", "/", "A", "two words"]), out, "png", count=5, seed=0)
        assert sorted(path.name for path in out.iterdir()) == [
            "0000000-U+5B89.png",
            "0000001-U+002F.png",
            "0000002-A.png",
            "0000003-" + "".join(f"U+{ord(c):04X}" for c in "two words") + ".png",
            "0000004-U+5B89.png",
        ]
        image = np.asarray(Image.open(out / "0000002-A.png"))
        assert image.shape == (8, 8) and image[0, 0] == 2

    def test_a_large_folder_is_divided(self, tmp_path, monkeypatch):
        monkeypatch.setattr(sample_files, "_MOST_PER_FOLDER", 2)
        write_set(Fake("ab"), tmp_path / "set", "png", count=5, seed=0)
        found = sorted(str(path.relative_to(tmp_path / "set")) for path in tmp_path.rglob("*.png"))
        assert found == [
            "0000/0000000-a.png", "0000/0000001-b.png", "0001/0000002-a.png",
            "0001/0000003-b.png", "0002/0000004-a.png",
        ]  # fmt: skip

    @pytest.mark.parametrize("shape", [(8, 8, 1), (8, 8, 3)])
    def test_tfrecord(self, tmp_path, shape):
        write_set(Fake("安宁", shape=shape), tmp_path / "a.tfrecord", "tfrecord", count=5, seed=0)
        features = {
            "image/encoded": tf.io.FixedLenFeature((), tf.string),
            "image/height": tf.io.FixedLenFeature((), tf.int64),
            "label": tf.io.FixedLenFeature((), tf.int64),
            "class": tf.io.FixedLenFeature((), tf.string),
        }
        records = tf.data.TFRecordDataset(str(tmp_path / "a.tfrecord"))
        found = [tf.io.parse_single_example(record, features) for record in records]
        assert [int(each["label"]) for each in found] == [0, 1, 0, 1, 0]
        assert "".join(each["class"].numpy().decode() for each in found) == "安宁安宁安"
        images = np.stack([tf.io.decode_png(each["image/encoded"]) for each in found])
        assert images.shape == (5, *shape)
        assert images[:, 1, 1, 0].tolist() == [0, 1, 2, 3, 0]

    def test_a_grid_of_all(self, tmp_path):
        write_set(Fake("abc"), tmp_path / "all.png", "png", count=5, seed=0)
        with Image.open(tmp_path / "all.png") as found:
            assert found.size == (3 * 10 + 2, 2 * 10 + 2)

    def test_nothing_of_the_users_is_replaced(self, tmp_path):
        (tmp_path / "thesis.txt").write_text("mine")
        for out in (tmp_path, tmp_path / "thesis.txt"):
            with pytest.raises(UserError, match="exists already; give a new folder"):
                write_set(Fake("ab"), out, "png", count=2, seed=0)
        with pytest.raises(UserError, match="is a folder"):
            write_set(Fake("ab"), tmp_path, "npz", count=2, seed=0)
        assert (tmp_path / "thesis.txt").read_text() == "mine"

    def test_a_grid_does_not_hold_everything(self, tmp_path):
        sampler = Fake("ab")
        with pytest.raises(UserError, match="at most 10,000 images and --count is 10,001"):
            write_set(sampler, tmp_path / "a.png", "png", count=10_001, seed=0)
        assert sampler.calls == []

    def test_points_are_not_images(self, tmp_path):
        for form in ("png", "tfrecord"):
            with pytest.raises(UserError, match=f"--format={form}: .* makes points"):
                write_set(Fake([], shape=(2,)), tmp_path / "a.png", form, count=3, seed=0)

    @pytest.mark.parametrize("form", ["npz", "gnt", "tfrecord", "png"])
    def test_an_error_on_the_way_leaves_nothing(self, tmp_path, monkeypatch, form):
        sampler = Fake("ab")
        draw = sampler.sample

        def fail(count, seed, labels=None):
            if sampler.calls:
                raise OSError(28, "No space left on device")
            return draw(count, seed, labels)

        monkeypatch.setattr(sampler, "sample", fail)
        with pytest.raises(UserError, match="the disk is full while writing"):
            write_set(
                sampler,
                tmp_path / f"a.{form if form != 'png' else 'folder'}",
                form,
                count=9,
                seed=0,
            )
        assert list(tmp_path.iterdir()) == []

    def test_an_unknown_class(self, tmp_path):
        with pytest.raises(UserError, match="does not know c"):
            write_set(Fake("ab"), tmp_path / "a.npz", "npz", count=2, seed=0, names=["c"])
        assert list(tmp_path.iterdir()) == []


class TestCommand:
    def test_a_process_without_lsgan_tf_writes_the_same(self, tiny_run, sampler, command, tmp_path):
        alone = subprocess.run(
            [sys.executable, "-I", "-c", ALONE, str(tiny_run.path / "export"), "alone.npy"],
            capture_output=True, text=True, cwd=tmp_path,
        )  # fmt: skip
        assert alone.returncode == 0, alone.stderr
        done = command(
            "sample", f"--run_dir={tiny_run.path}", "--text=安宁 安", "--format=npz", "--seed=7",
            "--out=new/line.npz", cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout == "wrote new/line.npz from the generator of step 12, EMA weights\n"
        images = np.load(tmp_path / "alone.npy")
        np.testing.assert_array_equal(images, sampler.write("安宁安", 7))
        with np.load(tmp_path / "new" / "line.npz") as found:
            np.testing.assert_array_equal(found["images"], images[..., 0])
            assert "".join(found["chars"]) == "安宁安"

    def test_a_view(self, tiny_run, command, tmp_path):
        done = command(
            "sample", f"--run_dir={tiny_run.path}", "--show=interpolation", "--text=安宁",
            "--out=strip.gif", "--rows=2", "--frames=3", "--truncation=0.8", cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        with Image.open(tmp_path / "strip.gif") as found:
            assert found.is_animated and found.size == (2 * 18 + 2, 20)

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--out=a.png"], "expected --text=CHARACTERS"),
            (
                ["--out=a.jpg", "--count=1"],
                "expected a name ending in .png, .gnt, .npz or .tfrecord",
            ),
            (["--out=a.png", "--count=1", "--show=sweep"], "takes neither --count"),
            (["--out=a.png", "--text=安", "--truncation=1.5"], "--truncation=1.5"),
        ],
    )
    def test_a_mistake_is_one_line(self, tiny_run, command, tmp_path, words, message):
        done = command("sample", f"--run_dir={tiny_run.path}", *words, cwd=tmp_path)
        assert done.returncode == 2 and done.stderr.count("\n") == 1
        assert message in done.stderr
        assert list(tmp_path.iterdir()) == []

    def test_an_unknown_character_is_one_line(self, tiny_run, command, tmp_path):
        done = command(
            "sample", f"--run_dir={tiny_run.path}", "--text=安我", "--out=o.png", cwd=tmp_path
        )
        assert done.returncode == 2
        assert done.stderr.startswith("error: --text: the generator does not know 我 (U+6211)")
        assert done.stderr.count("\n") == 1
        assert list(tmp_path.iterdir()) == []
