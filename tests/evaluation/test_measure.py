from __future__ import annotations

import dataclasses
import functools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from lsgan_tf.build import build_gan
from lsgan_tf.errors import UserError
from lsgan_tf.evaluation import generators as candidates
from lsgan_tf.evaluation.measure import evaluate, table
from lsgan_tf.exporting.savedmodel import write_saved_model
from lsgan_tf.run_dir.checkpoints import Checkpoints
from lsgan_tf.run_dir.folder import load_classes, load_config
from lsgan_tf.util import files

QUICK = {"judge_steps": 20}


@pytest.fixture
def evaluated(tiny_run, tmp_path):
    """Evaluates the tiny run or a SavedModel; returns the report and the table."""

    def evaluated(*names, checkpoint="newest", saved_model=None, run_dir=None, **options):
        if saved_model:
            found = candidates.of_saved_model(saved_model, None)
        else:
            found = candidates.of_run(run_dir or tiny_run.path, checkpoint, None, log=lines.append)
        out = tmp_path / "evaluation.json"
        options = QUICK | {"samples": 30} | options
        shown = evaluate(found, names or None, out, command=["x"], log=lines.append, **options)
        return json.loads(out.read_text(encoding="utf-8")), shown, lines

    lines = []
    return evaluated


def test_all_checkpoints_in_a_file_and_a_table(evaluated, tiny_run):
    report, shown, lines = evaluated("judge", "judge_kid", "diversity", checkpoint="all")
    assert [result["step"] for result in report["results"]] == [10, 12]
    first, second = (result["figures"] for result in report["results"])
    assert set(first) == set(report["real"]) >= {"judge_top1", "judge_kid", "diversity_ratio"}
    assert first != second
    assert set(report["results"][0]["per_class"]) == set("啊阿埃安宁")
    assert report["protocol"]["samples"] == 30 and "every tenth" in report["protocol"]["held_out"]
    assert report["command"] == ["x"]
    heads = shown.splitlines()[0].split("  ")
    assert [head.strip() for head in heads if head.strip()] == [
        "better",
        "real",
        "step 10 ema",
        "step 12 ema",
    ]
    assert any("measuring step 10" in line for line in lines)

    # The same weights exported, and measured with other noise, are about as bad.
    exported, _, _ = evaluated("judge", saved_model=tiny_run.path / "export")
    assert exported["results"][0]["step"] == 12
    assert exported["real"]["judge_top1"] == report["real"]["judge_top1"]
    again, _, _ = evaluated("judge", checkpoint="12")
    assert again["results"][0]["figures"]["judge_top1"] == second["judge_top1"]


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        (
            "judge",
            {"inception": Path("x")},
            "--inception: only for is, fid, kid, prdc, and the met",
        ),
        ("judge", {"reals": 20}, "--reals: only for fid, kid, prdc, pixel_kid, "),
        ("judge", {"split": "test"}, "--split: only for fid, kid, prdc, "),
        (
            "pixel_kid",
            {},
            "--judge_steps: only for judge, judge_score, .*, and the metrics are pix",
        ),
        (None, {"inception": Path("x")}, "--inception: .*judge_score, judge_kid, judge_prdc, dive"),
    ],
)
def test_options_that_no_metric_uses_are_refused(evaluated, name, options, said):
    with pytest.raises(UserError, match=said):
        evaluated(*filter(None, [name]), **options)


def test_the_best_is_among_all_and_stands_alone(tiny_run, tmp_path):
    run = shutil.copytree(tiny_run.path, tmp_path / "run")
    (run / "best").mkdir()
    (run / "checkpoints" / "step-00000010").rename(run / "best" / "step-00000010")
    found = candidates.of_run(run, "all", None)
    folders = [(one.step, Path(one.where).parent.name) for one in found.each]
    assert folders == [(10, "best"), (12, "checkpoints")]
    shutil.rmtree(run / "checkpoints")
    (only,) = candidates.of_run(run, "best", None).each
    assert only.step == 10


def test_a_damaged_checkpoint_is_left_out_with_a_word(evaluated, tiny_run, tmp_path):
    run = shutil.copytree(tiny_run.path, tmp_path / "run")
    weights = next((run / "checkpoints" / "step-00000010").glob("state.data*"))
    weights.write_bytes(b"")
    report, _, lines = evaluated("judge", checkpoint="all", run_dir=run)
    assert [result["step"] for result in report["results"]] == [12]
    assert any("damaged" in line and "left out" in line for line in lines)


def test_too_few_samples_for_a_covariance(evaluated):
    with pytest.raises(UserError, match=r"128 features.*judge_kid"):
        evaluated("judge_frechet")


def test_without_the_inception_graph(evaluated, tmp_path):
    with pytest.raises(UserError, match=r"--inception=.*none\.pb: no such file"):
        evaluated("kid", inception=tmp_path / "none.pb", judge_steps=None)


def test_other_data_is_refused_or_told_of(evaluated, tmp_path, write_characters, tiny_run):
    write_characters(tmp_path / "other" / "a.gnt", "啊阿埃", samples=8)
    with pytest.raises(UserError, match="classes are not those of the run"):
        evaluated("judge", data_dir=str(tmp_path / "other"))
    write_characters(tmp_path / "more" / "a.gnt", "啊阿埃安宁", samples=9)
    lines = evaluated("judge", data_dir=str(tmp_path / "more"))[2]
    assert any("differs from the data" in line for line in lines)


@pytest.mark.parametrize(
    ("checkpoint", "weights", "said"),
    [
        ("7", None, "no checkpoint of step 7"),
        ("last", None, "expected newest, all, best, or a step"),
        ("best", None, "has no best checkpoint"),
        ("newest", "ema", "no EMA weights"),
    ],
)
def test_what_is_not_there(tiny_run, tmp_path, checkpoint, weights, said):
    run = tmp_path / "run"
    shutil.copytree(tiny_run.path, run)
    config = dataclasses.replace(load_config(run), ema_decay=0.0)
    files.write_json(run / "config.json", config.to_json())
    with pytest.raises(UserError, match=said):
        candidates.of_run(run, checkpoint, weights)


@pytest.fixture(scope="module")
def averaged(tiny_run, tmp_path_factory):
    """A run with EMA weights that differ from the raw ones, and its SavedModel."""

    path = tmp_path_factory.mktemp("averaged")
    config = dataclasses.replace(load_config(tiny_run.path), ema_decay=0.5)
    classes = load_classes(tiny_run.path)
    gan = build_gan(config)
    for weight in gan.average.trainable_variables:
        weight.assign(weight * 0)
    files.write_json(path / "config.json", config.to_json())
    files.write_json(path / "classes.json", classes)
    Checkpoints(path / "checkpoints").save(5, gan.state(), {})
    write_saved_model(path / "export", config, gan, classes, 5)
    return path


@pytest.mark.parametrize("weights", [None, "both", "ema", "raw"])
@pytest.mark.parametrize("exported", [False, True])
def test_weights_and_their_average_where_one_is_kept(averaged, exported, weights):
    if exported:
        found = candidates.of_saved_model(averaged / "export", weights)
    else:
        found = candidates.of_run(averaged, "newest", weights)
    flat = {
        candidate.weights: np.ptp(next(iter(candidate.draw(5, 0)))[0]) == 0
        for candidate in found.each
    }
    # Without weights every image is one and the same grey.
    expected = {"both": {"raw": False, "ema": True}, "raw": {"raw": False}}
    assert flat == expected.get(weights, {"ema": True})


@pytest.mark.parametrize("exported", [False, True])
def test_truncated_noise_is_that_of_samples_of_the_same_seed(tiny_run, exported):
    opened = (
        candidates.of_saved_model
        if exported
        else functools.partial(candidates.of_run, checkpoint="newest")
    )
    place = tiny_run.path / "export" if exported else tiny_run.path
    (whole,), (cut,) = (opened(place, weights=None, truncation=limit).each for limit in (1.0, 1e-6))
    (untouched,) = opened(place, weights=None).each
    images, labels = next(whole.draw(10, 3))
    np.testing.assert_array_equal(images, next(untouched.draw(10, 3))[0])
    assert list(labels) == [0, 1, 2, 3, 4] * 2
    # Hardly any noise: the two images of a class are alike.
    apart = np.abs(images[:5].astype(int) - images[5:]).max()
    images, _ = next(cut.draw(10, 3))
    assert np.abs(images[:5].astype(int) - images[5:]).max() <= 1 < apart


def test_truncation_is_recorded(tiny_run, tmp_path):
    found = candidates.of_run(tiny_run.path, "newest", None, truncation=0.5)
    shown = evaluate(found, ["diversity"], tmp_path / "e.json", samples=30, log=[].append, **QUICK)
    report = json.loads((tmp_path / "e.json").read_text(encoding="utf-8"))
    assert report["protocol"]["truncation"] == 0.5
    assert "30 samples, seed 0; truncation 0.5; " in shown


def test_truncation_beyond_the_range_of_the_noise(tiny_run):
    for opened in (
        functools.partial(candidates.of_run, tiny_run.path, "newest"),
        functools.partial(candidates.of_saved_model, tiny_run.path / "export"),
    ):
        with pytest.raises(UserError, match=r"--truncation=1\.5: .*uniform on -1 to 1; expected"):
            opened(None, truncation=1.5)


def test_a_run_without_a_checkpoint_yet(tiny_run, tmp_path):
    for name in ("config.json", "classes.json"):
        shutil.copy(tiny_run.path / name, tmp_path / name)
    with pytest.raises(UserError, match="no checkpoint yet"):
        candidates.of_run(tmp_path, "newest", None)


def test_a_checkpoint_of_another_network(tiny_run, tmp_path):
    run = shutil.copytree(tiny_run.path, tmp_path / "run")
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    (run / "config.json").write_text(json.dumps(config | {"z_dim": 7}), encoding="utf-8")
    with pytest.raises(UserError, match="another network"):
        candidates.of_run(run, "newest", None)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "one of them"),
        (["--run_dir=x", "--saved_model=y"], "one of them"),
        (["--run_dir=x", "--metrics=fad"], "--metrics=fad: expected some of"),
        (["--run_dir=x", "--samples=0"], "samples"),
        (["--run_dir=x", "more"], "expected flags only"),
        (["--saved_model=x", "--checkpoint=all"], "--checkpoint: a SavedModel has one step; name"),
        (["--run_dir=x", "--out=/dev/null/e.json"], "while writing the evaluation"),
    ],
)
def test_mistakes_are_told_in_a_line(command, words, said):
    done = command("evaluate", *words)
    assert done.returncode == 2
    assert said in done.stderr and len(done.stderr.splitlines()) == 1


def test_the_command_measures_and_writes_into_the_run(tiny_run, tmp_path, command):
    run = shutil.copytree(tiny_run.path, tmp_path / "run")
    done = command(
        "evaluate", f"--run_dir={run}", "--metrics=judge", "--samples=20", "--judge_steps=20"
    )
    assert done.returncode == 0, done.stderr
    assert "judge_top5" in done.stdout and "held out: every tenth" in done.stdout
    report = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
    assert report["results"][0]["figures"].keys() == {"judge_top1", "judge_top5"}


def test_help_lists_the_measures(command):
    done = command("evaluate", "--help")
    assert done.returncode == 0
    assert "judge_frechet" in done.stdout and "--checkpoint" in done.stdout


def test_the_best_of_a_table_is_marked():
    results = [
        {"step": step, "weights": "raw", "figures": {"fid": fid, "kid_std": 1.0}}
        for step, fid in ((1000, 30.0), (2000, np.float64(20.0)), (3000, None), (4000, 20.0))
    ]
    for result in results:
        result["figures"]["kid"] = 0.5
    results[-1]["per_class"] = {"new\nline": 0.0}
    results[-1]["confusions"] = [("new\nline", "\x1b[31m", 1.0)]
    report = {
        "results": results,
        "real": {"fid": None, "kid_std": 0.5, "kid": 0.0},
        "protocol": {
            "samples": 9, "seed": 0, "split": "train", "held_out": "test split",
            "real": {"count": 9}, "real in the place of samples": {"count": 7},
            "extractors": {"judge": {"name": "judge x", "resizer": "none"}},
        },
    }  # fmt: skip
    shown = table(report, ["fid", "kid_std", "kid"])
    lines = shown.splitlines()
    # Two are equally good; of the real ones there are too few, of the third there is none.
    assert lines[1].split() == ["fid", "lower", "-", "30", "20", "*", "-", "20", "*"]
    assert "*" not in lines[2] and "*" not in lines[3]
    assert "distances to 9 of the train split; real: 7 of the other split" in shown
    assert lines[-2:] == [
        "step 4,000, lowest accuracy: new\N{REPLACEMENT CHARACTER}line 0%",
        "most frequent errors: new\N{REPLACEMENT CHARACTER}line as "
        "\N{REPLACEMENT CHARACTER}[31m 100%",
    ]
