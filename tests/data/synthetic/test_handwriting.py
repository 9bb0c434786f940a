from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.data.formats import gnt
from lsgan_tf.data.hwdb.gb2312 import LEVEL1
from lsgan_tf.data.synthetic import handwriting as standin
from lsgan_tf.data.synthetic import strokes
from lsgan_tf.errors import UserError
from lsgan_tf.util import files

FEW = "安宽容寝寿寒峰垫"


def small(cache: Path, **changes) -> Path:
    arguments = {"samples_per_class": 6, "characters": FEW, "processes": 1, **changes}
    return standin.ensure(cache, **arguments)


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.gnt"))
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small stand-in; tests that damage it use a copy."""
    return small(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def cache(made: Path, tmp_path: Path) -> Path:
    """A cache folder that holds the small stand-in."""
    copy = tmp_path / "standin" / made.name
    shutil.copytree(made, copy)
    return tmp_path


def test_every_character_of_level_1_can_be_drawn():
    drawn = []
    for character, bitmap in standin.draw(LEVEL1, writers=[7], seed=1):
        drawn.append(character)
        assert (bitmap < 200).sum() > 20, character
        assert bitmap[0].min() < 255 and bitmap[-1].min() < 255, character
        assert max(bitmap.shape) < 250, character
    assert tuple(drawn) == LEVEL1


def test_folder_holds_gnt_files_manifest_and_licence(made: Path):
    assert sorted(path.relative_to(made).as_posix() for path in made.rglob("*.*")) == [
        "ARPHICPL.TXT",
        "STANDIN.json",
        "test/standin-00.gnt",
        "train/standin-00.gnt",
    ]
    assert (made / "ARPHICPL.TXT").read_bytes() == strokes.licence()
    manifest = json.loads((made / standin.MANIFEST).read_text(encoding="utf-8"))
    assert "STAND-IN" in manifest["what"]
    assert "HWDB1.0" in manifest["real_set"] and "--data_dir" in manifest["real_set"]
    assert "Arphic" in manifest["licence"]
    assert manifest["pictures"] == 48
    assert manifest["plan"]["seed"] == 0
    assert manifest["plan"]["writers"] == {"train": 5, "test": 1}
    assert manifest["plan"]["characters"] == FEW


def test_files_are_read_back_as_drawn(made: Path):
    expected = list(standin.draw(FEW, writers=[*range(5), 1_000_000], seed=0))
    for split, wanted in (
        ("train", [record for index, record in enumerate(expected) if index % 6 < 5]),
        ("test", expected[5::6]),
    ):
        with gnt.GntFile(made / split / "standin-00.gnt") as file:
            assert file.index.damaged_count == 0
            assert list(file.characters) == [character for character, _ in wanted]
            for index, (_, bitmap) in enumerate(wanted):
                np.testing.assert_array_equal(file.bitmap(index), bitmap)


@pytest.mark.parametrize(
    ("samples", "train", "test"), [(1, 1, 1), (2, 1, 1), (6, 5, 1), (60, 50, 10), (90, 75, 15)]
)
def test_a_sixth_of_the_writers_write_the_test_set(samples: int, train: int, test: int):
    plan = standin._plan(samples, 0, None)
    assert plan.writers == (train, test)
    assert plan.samples() == (train + test) * 3755


def test_bytes_do_not_depend_on_the_number_of_processes(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(standin, "_WORTH_A_PROCESS", 1)
    characters = LEVEL1[:130]  # three files a split
    one, two = (
        standin.ensure(tmp_path / str(n), samples_per_class=2, characters=characters, processes=n)
        for n in (1, 2)
    )
    assert len(hashes(one)) == 6
    assert hashes(one) == hashes(two)


def test_another_seed_draws_other_images_into_another_folder(made: Path):
    other = small(made.parents[1], seed=1)
    assert other != made
    assert not set(hashes(made).values()) & set(hashes(other).values())


def test_more_samples_keep_the_images_of_the_first_writers():
    few = list(standin.draw("安", writers=range(3), seed=0))
    many = list(standin.draw("安", writers=range(70), seed=0))
    assert len(many) == 70
    for (_, a), (_, b) in zip(few, many, strict=False):
        np.testing.assert_allclose(a.astype(int), b.astype(int), atol=1)


def test_samples_of_a_character_are_closer_to_each_other_than_to_others():
    classes = "一人口安国寒峰我"
    pictures = np.stack(
        [
            np.asarray(Image.fromarray(bitmap).resize((28, 28), Image.Resampling.BILINEAR))
            for _, bitmap in standin.draw(classes, writers=range(24), seed=0)
        ]
    )
    groups = pictures.reshape(len(classes), 24, 784) / 255
    means = groups[:, :12].mean(1)
    distance = ((groups[:, 12:, None] - means) ** 2).mean(-1)
    right = distance.argmin(-1) == np.arange(len(classes))[:, None]
    assert right.mean() > 0.7
    # All samples differ, by writer and not only by grain.
    for group in groups:
        apart = np.sqrt(((group[:, None] - group) ** 2).mean(-1))
        assert apart[np.triu_indices(24, 1)].min() > 0.05


@pytest.mark.parametrize(
    "measure",
    [
        lambda bitmap: np.log(bitmap.shape[0]),
        lambda bitmap: np.log(bitmap.shape[1] / bitmap.shape[0]),
        lambda bitmap: bitmap[bitmap < 255].mean(),
        lambda bitmap: (bitmap < 200).mean(),
    ],
    ids=["height", "aspect", "grey", "ink"],
)
def test_a_writer_keeps_a_style(measure):
    characters, writers = "安宽容寝寿寒峰垫国我永明", 12
    values = [
        measure(bitmap) for _, bitmap in standin.draw(characters, writers=range(writers), seed=0)
    ]
    table = np.reshape(values, (len(characters), writers))
    table = table - table.mean(1, keepdims=True)
    # Without writers, the variance of a writer's mean would be that of the rest divided by n.
    between = table.mean(0).var(ddof=1) * len(characters)
    within = table.var(axis=0, ddof=1).mean()
    assert between > 4 * within


def test_a_whole_folder_is_used_as_it_is(cache: Path, monkeypatch):
    monkeypatch.setattr(standin, "_draw", lambda *_: pytest.fail("drawn again"))
    assert small(cache).parent == cache / "standin"


def test_touched_but_unchanged_files_are_used(cache: Path, monkeypatch):
    for path in cache.rglob("*.gnt"):
        os.utime(path)
    monkeypatch.setattr(standin, "_draw", lambda *_: pytest.fail("drawn again"))
    small(cache)


def truncate(folder: Path) -> None:
    path = folder / "train" / "standin-00.gnt"
    path.write_bytes(path.read_bytes()[:-1])


def flip(folder: Path) -> None:
    path = folder / "test" / "standin-00.gnt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def change_manifest(folder: Path) -> None:
    path = folder / standin.MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["plan"]["version"] = 0
    path.write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        flip,
        change_manifest,
        lambda folder: (folder / "train" / "standin-00.gnt").unlink(),
        lambda folder: (folder / standin.MANIFEST).unlink(),
        lambda folder: (folder / standin.MANIFEST).write_text("{"),
        lambda folder: (folder / standin.MANIFEST).write_text("[]"),
        lambda folder: (folder / standin.MANIFEST).write_text('{"plan": 1, "files": 2}'),
    ],
    ids=["cut", "bit", "version", "file", "manifest", "json", "list", "types"],
)
def test_damaged_folder_is_drawn_again_and_says_so(cache: Path, made: Path, damage, capsys):
    damage(cache / "standin" / made.name)
    folder = small(cache)
    assert "the cache is damaged" in capsys.readouterr().err
    assert folder.name == made.name
    assert hashes(folder) == hashes(made)


def test_first_drawing_reports_progress(tmp_path: Path, capsys):
    small(tmp_path, characters="安", samples_per_class=2)
    assert "drawing the stand-in data: 2 of 2 images (100%)" in capsys.readouterr().err


def test_what_a_killed_process_left_is_removed(tmp_path: Path, made: Path):
    leftover = tmp_path / "standin" / f".{made.name}.abc.tmp"
    leftover.mkdir(parents=True)
    small(tmp_path)
    assert not leftover.exists()


def test_another_process_that_was_faster_is_not_repeated(tmp_path: Path, made: Path, monkeypatch):
    # As if another process held the lock at the first check.
    monkeypatch.setattr(standin, "_draw", lambda *_: pytest.fail("drawn twice"))
    folder = tmp_path / "standin" / made.name
    result = []
    with files.locked(folder):
        waiting = threading.Thread(target=lambda: result.append(small(tmp_path)))
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        shutil.copytree(made, folder)
    waiting.join()
    assert result == [folder]


def test_too_little_space(tmp_path: Path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(UserError, match=r"stand-in data needs .* MiB"):
        small(tmp_path)
    assert not list(tmp_path.rglob("*.gnt"))


def test_disk_full_leaves_nothing_half_drawn(tmp_path: Path, monkeypatch):
    def full(path: Path, records) -> int:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(standin.gnt, "write", full)
    with pytest.raises(UserError, match="disk is full while drawing the stand-in"):
        small(tmp_path)
    assert [path.suffix for path in (tmp_path / "standin").iterdir()] == [".lock"]


def test_errors_of_child_processes_arrive(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(standin, "_WORTH_A_PROCESS", 1)
    # The plan is checked before; here a child process fails.
    monkeypatch.setattr(standin, "_plan", lambda *_: standin.Plan(0, (1, 1), "鑫" * 130))
    with pytest.raises(UserError, match="a process that was drawing characters ended"):
        standin.ensure(tmp_path, processes=2)
    assert [path.suffix for path in (tmp_path / "standin").iterdir()] == [".lock"]


def test_cache_that_is_a_file(tmp_path: Path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(UserError, match="cache"):
        small(tmp_path / "cache")


@pytest.mark.parametrize(
    "changes",
    [
        {"samples_per_class": 0},
        {"seed": -1},
        {"characters": "安A"},
        {"characters": "安安"},
        {"characters": ""},
    ],
)
def test_bad_arguments_are_one_line_errors(tmp_path: Path, changes):
    with pytest.raises(UserError) as caught:
        small(tmp_path, **changes)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
