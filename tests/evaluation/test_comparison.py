"""Two folders of images compared."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from lsgan_tf.errors import UserError
from lsgan_tf.evaluation import comparison
from lsgan_tf.evaluation.comparison import compare

PRDC = ("precision", "recall", "density", "coverage")


class Network:
    """In the place of Inception: six means over an image."""

    dim, name, resizer, digest = 6, "six means", "none", "0"
    metadata = {}  # noqa: RUF012

    def __call__(self, images):
        halves = np.stack([images[:, :6].mean((1, 2)), images[:, 6:].mean((1, 2))], axis=1)
        features = halves.reshape(len(images), 6).astype(np.float32) / 64
        return features, features


@pytest.fixture
def compared(tmp_path, monkeypatch):
    """Compares two folders; returns the report, the table and what was logged."""

    def compared(samples, reals, /, *names, network=Network, **options):
        def open_network(path, cache_dir, log):
            if network is None:
                raise UserError("the Inception graph is not here; fetch it")
            return network()

        monkeypatch.setattr(comparison, "open_inception", open_network)
        lines, out = [], tmp_path / "result.json"
        options = {"cache_dir": tmp_path / "cache", **options}
        shown = compare(
            samples, reals, names or None, out, command=["x"], log=lines.append, **options
        )
        return json.loads(out.read_text(encoding="utf-8")), shown, lines

    return compared


def metrics_of(report):
    (result,) = report["results"]
    return result["figures"]


def test_equal_folders(compared, write_images):
    first, second = write_images("a", 30), write_images("b", 30)
    report, shown, lines = compared(first, second)
    found = metrics_of(report)
    assert found["fid"] == pytest.approx(0, abs=1e-4)
    assert found["kid"] == pytest.approx(0, abs=0.5)
    assert (found["precision"], found["recall"], found["coverage"]) == (1, 1, 1)
    assert lines == []
    protocol = report["protocol"]
    assert (report["command"], protocol["samples"], protocol["real"]["count"]) == (["x"], 30, 30)
    assert protocol["sampled"]["fingerprint"] == protocol["real"]["fingerprint"]
    assert protocol["extractors"]["inception"]["name"] == "six means"
    assert shown.splitlines()[0].split() == ["better", "value"]
    assert f"30 of 30 images of 12x12 in {first}" in shown


def test_folders_that_differ(compared, write_images):
    near, far = write_images("a", 30, seed=1), write_images("b", 30, seed=2, mean=220)
    reals = write_images("c", 30, seed=3)
    close, apart = (metrics_of(compared(folder, reals)[0]) for folder in (near, far))
    assert apart["fid"] > 10 * close["fid"] > 0
    assert apart["kid"] > 10 * abs(close["kid"])
    assert apart["precision"] < 0.2 < close["precision"]
    assert apart["coverage"] < close["coverage"]


def test_pixels_need_no_network(compared, write_images):
    folder, other = write_images("a", 20), write_images("b", 20, seed=1, mean=220)
    names = ("pixel_kid", "pixel_prdc")
    found = metrics_of(compared(folder, folder, *names, network=None)[0])
    assert found["pixel_kid"] == pytest.approx(0, abs=0.05)
    assert (found["pixel_precision"], found["pixel_recall"]) == (1, 1)
    apart = metrics_of(compared(folder, other, *names, network=None)[0])
    assert apart["pixel_kid"] > 0.5 and apart["pixel_precision"] < 0.2


def test_without_the_graph(compared, write_images, tmp_path):
    folder = write_images("a", 20)
    report, _, lines = compared(folder, folder, network=None)
    assert set(metrics_of(report)) == {
        "pixel_kid", "pixel_kid_std", *(f"pixel_{name}" for name in PRDC)
    }  # fmt: skip
    assert "no FID, KID, precision and recall: the Inception graph is not here; fetch" in lines[0]
    with pytest.raises(UserError, match=r"fetch it; or use --metrics=pixel_kid,pixel_prdc"):
        compared(folder, folder, "fid", network=None)
    with pytest.raises(UserError, match="fetch it"):
        compared(folder, folder, network=None, inception=tmp_path / "gone.pb")


def test_too_few_for_a_covariance(compared, write_images):
    few = write_images("a", 6)
    report, _, lines = compared(few, few)
    assert set(metrics_of(report)) == {"kid", "kid_std", *PRDC}
    assert (
        "no FID: its covariance requires more than 6 images of either kind, there are 6" in lines[0]
    )
    with pytest.raises(
        UserError, match="--metrics=fid: the covariance of 6 features requires more"
    ):
        compared(few, few, "fid")
    with pytest.raises(UserError, match="--metrics=prdc: requires at least 6"):
        compared(write_images("b", 5), few, "prdc")


def test_sizes(compared, write_images):
    small, large = write_images("a", 8), write_images("b", 8, size=(24, 24))
    with pytest.raises(UserError, match=r"12x12 in .*24x24 in .*: expected one size; use --image"):
        compared(small, large)
    report, _, _ = compared(small, large, image_size=16)
    assert "of 16x16" in report["protocol"]["real"]["description"]


def test_some_of_them(compared, write_images):
    folder = write_images("a", 20)
    report, shown, _ = compared(folder, folder, "kid", samples=10, reals=15)
    assert (report["protocol"]["samples"], report["protocol"]["real"]["count"]) == (10, 15)
    assert "10 of 20 images" in shown and "versus 15 of 20 images" in shown
    with pytest.raises(UserError, match=r"--samples=21: there are 20 images .* at most that many"):
        compared(folder, folder, "kid", samples=21)


def test_features_of_real_images_are_kept_while_the_files_are_the_same(compared, write_images):
    folder, reals = write_images("a", 10), write_images("b", 10, seed=1)
    first = metrics_of(compared(folder, reals, "kid")[0])

    class Other(Network):
        def __call__(self, images):
            return tuple(2 * array for array in super().__call__(images))

    assert metrics_of(compared(folder, reals, "kid", network=Other)[0])["kid"] != first["kid"]
    shutil.copy(folder / "000.png", reals / "000.png")
    assert metrics_of(compared(folder, reals, "kid")[0])["kid"] != first["kid"]


def test_metrics_of_runs_are_refused(compared, write_images):
    folder = write_images("a", 2)
    with pytest.raises(UserError, match="--metrics=judge: needs a run; folders of images have is,"):
        compared(folder, folder, "judge")


@pytest.mark.parametrize(
    ("metrics", "options", "said"),
    [
        (
            "pixel_kid",
            {"inception": "x"},
            "--inception: only for is, fid, kid, prdc, and the metrics",
        ),
        ("is", {"reals": 1}, "--reals: only for fid, "),
    ],
)
def test_options_that_no_metric_uses_are_refused(compared, write_images, metrics, options, said):
    folder = write_images("a", 2)
    with pytest.raises(UserError, match=said):
        compared(folder, folder, metrics, **options)


def test_the_command(command, write_images, tmp_path):
    samples, reals = write_images("a", 10), write_images("b", 10)
    words = (f"--samples_dir={samples}", f"--reals_dir={reals}", f"--cache_dir={tmp_path / 'c'}")
    done = command("evaluate", *words, "--metrics=pixel_kid,pixel_prdc")
    assert done.returncode == 0, done.stderr
    out = tmp_path / "a.evaluation.json"
    assert f"wrote {out}" in done.stdout and "pixel_precision" in done.stdout
    found = json.loads(out.read_text(encoding="utf-8"))["results"][0]["figures"]
    assert found["pixel_precision"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--samples_dir=x"], "received one of them"),
        (["--reals_dir=x"], "received one of them"),
        (["--samples_dir=x", "--reals_dir=y", "--run_dir=z"], "--run_dir: not for image files"),
        (["--samples_dir=x", "--reals_dir=y", "--checkpoint=all"], "--checkpoint: not for im"),
        (["--run_dir=z", "--image_size=8"], "--image_size: only for --samples_dir"),
        (["--samples_dir=x", "--reals_dir=y", "--metrics=fad"], "expected some of is, fid"),
        (["--samples_dir=gone", "--reals_dir=y"], "--samples_dir=gone: no such file or folder"),
    ],
)
def test_mistakes_are_told_in_a_line(command, tmp_path, words, said):
    done = command("evaluate", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr and len(done.stderr.splitlines()) == 1
