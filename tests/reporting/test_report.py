from __future__ import annotations

import base64
import hashlib
import html.parser
import json
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from lsgan_tf.errors import UserError
from lsgan_tf.reporting.markup import json_in_script
from lsgan_tf.reporting.page import page
from lsgan_tf.reporting.run_data import gather, with_unique_names
from lsgan_tf.reporting.svg import Series, chart, short, thinned, ticks

EVIL = "</script><img src=x onerror=alert(1)>\"'&\x1b[2J\ud800"


class Elements(html.parser.HTMLParser):
    """Parses a page into elements and their texts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.attributes = [], [], []
        self._inside = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self._inside.append(tag)

    def handle_endtag(self, tag):
        self._inside.append(f"/{tag}")

    def handle_data(self, data):
        if self._inside[-1:] not in (["script"], ["style"]):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(self.texts)


def report(*paths, grids=24, pixels=720):
    return page([gather(path, grids=grids, pixels=pixels) for path in paths], "A limit.")


def embedded(text):
    found = re.search(r'<script type="application/json" id="images">(.*?)</script>', text, re.S)
    return json.loads(found[1])


class TestOneRun:
    def test_what_it_was_and_how_far_it_is(self, make_run):
        text = Elements(report(make_run(log="stopped by SIGTERM at step 300", z_dim=8))).text
        for part in ("Report of run", "stopped", "by SIGTERM", "lsgan, handwriting"):
            assert part in text
        assert "300 of 1,000 (30%)" in text and "00:00:30 trained" in text
        assert "640 images/s (recent median)" in text and "newest: step-00000300" in text
        assert "not evaluated" in text and "not watched" in text

    def test_settings_against_the_defaults(self, make_run):
        text = report(make_run(z_dim=8))
        changed, usual = re.search(
            'id="settings">(.*?)<details>(.*?)</details>', text, re.S
        ).groups()
        assert '<th scope="row">z_dim</th><td><b>8</b></td><td class=faint>1,024</td>' in changed
        assert "beta1" not in changed and "beta1" in usual

    def test_collapse_best_and_evaluations(self, make_run):
        path = make_run()
        collapse = {"collapsed": True, "since_step": 200, "why": "samples are alike"}
        (path / "summary.json").write_text(json.dumps({"collapse": collapse}))
        found = [
            {"step": 100, "fid": 90.5, "real": {"fid": 3.25}},
            {"step": 200, "fid": 70.5, "real": {"fid": 3.25}},
        ]
        (path / "evaluations.jsonl").write_text("\n".join(map(json.dumps, found)))
        (path / "best" / "step-00000200").mkdir(parents=True)
        (path / "log.txt").write_text("machine: 2 cores\nmachine: 4 cores\nmachine: 2 cores\n")
        text = report(path)
        for part in (
            "since step 200: samples are alike", "fid 70.5 at step 200", "<td><b>70.5</b></td>",
            '<th scope="row">real data</th><td>3.25</td>', "best: best/step-00000200",
            "2 cores<br>4 cores</td>",
        ):  # fmt: skip
            assert part in text
        assert Elements(text).text.count("collapsed") == 2  # the state, and a warning at the top

    def test_a_stand_in_is_called_one(self, make_run):
        path = make_run()
        values = json.loads((path / "config.json").read_text()) | {"data_standin": True}
        (path / "config.json").write_text(json.dumps(values))
        assert "not handwriting" in Elements(report(path)).text


class TestImages:
    def test_few_of_many_with_both_ends(self, make_run):
        path = make_run(step=1000)
        text = report(path, grids=4, pixels=30)
        (grids,) = embedded(text).values()
        assert [step for step, _ in grids] == [100, 400, 700, 1000]
        assert "6 of this report's grids are left out" in text
        content = base64.b64decode(grids[1][1].removeprefix("data:image/webp;base64,"))
        (path / "a.webp").write_bytes(content)
        with Image.open(path / "a.webp") as found:
            assert found.size == (30, 20)
            assert found.convert("RGB").getpixel((5, 5))[0] == pytest.approx(400 % 256, abs=8)

    def test_less_quality_is_a_smaller_page(self, make_run):
        path = make_run()
        picture = Image.effect_noise((60, 40), 80).convert("RGB")
        picture.save(path / "samples" / "step-00000300.png")
        sizes = [
            len(page([gather(path, grids=1, pixels=720, quality=quality)], ""))
            for quality in (10, 82)
        ]
        assert sizes[0] + 500 < sizes[1]

    def test_real_examples_can_be_left_out(self, make_run):
        path = make_run()
        assert "real examples" in report(path)
        text = page([gather(path, grids=24, pixels=720, reals=False)], "")
        assert "real examples" not in text and len(embedded(text)["0"]) == 3

    @pytest.mark.parametrize(
        ("suffix", "key", "name"),
        [("raw", "0raw", "raw weights"), ("ema", "0average", "EMA weights")],
    )
    def test_other_weights_have_their_own(self, make_run, suffix, key, name):
        path = make_run()
        Image.new("RGB", (8, 8)).save(path / "samples" / f"step-00000300-{suffix}.png")
        assert list(embedded(report(path))) == ["0", key]
        assert f"run, {name}, <output>" in report(path)

    @pytest.mark.parametrize("content", [b"", b"<svg onload=alert(1)>", b"\x89PNG\r\n\x1a\n cut"])
    def test_what_is_not_an_image_is_named(self, make_run, content):
        path = make_run()
        (path / "samples" / "step-00000200.png").write_bytes(content)
        text = report(path)
        assert "unreadable images: step-00000200.png" in text
        assert [step for step, _ in embedded(text)["0"]] == [100, 300]


class TestSafety:
    @pytest.fixture
    def hostile(self, make_run):
        """A run folder with markup in every text."""
        path = make_run("a<b>&'\"")
        values = json.loads((path / "config.json").read_text())
        values |= {"loss": EVIL, "network": EVIL, "data_description": EVIL, EVIL: EVIL}
        (path / "config.json").write_text(json.dumps(values))
        (path / "log.txt").write_text(f"machine: {EVIL[:-1]}\n{EVIL[:-1]}", encoding="utf-8")
        collapse = {"collapsed": True, "why": EVIL, "last_good_checkpoint": EVIL}
        best = {"metric": EVIL, "value": 1.0, "step": 1}
        (path / "summary.json").write_text(json.dumps({"collapse": collapse, "best": best}))
        (path / "evaluations.jsonl").write_text(json.dumps({"step": 1, EVIL: 2.0}))
        return path

    def test_nothing_from_a_run_becomes_markup(self, hostile, make_run):
        text = report(hostile, make_run("other"))
        clean = Elements(report(make_run("clean"), make_run("other2")))
        found = Elements(text)
        assert found.tags.count("script") == clean.tags.count("script") == 2
        assert "onerror" not in {name for _, name, _ in found.attributes}
        assert "alert(1)" in found.text and "\x1b" not in text
        images = [value for tag, name, value in found.attributes if (tag, name) == ("img", "src")]
        assert images and all(value.startswith("data:image/webp;base64,") for value in images)

    def test_the_page_fetches_nothing_and_runs_nothing_else(self, make_run):
        text = report(make_run())
        assert not re.search(r"(?:src|href)=(?!\"(?:data:|#))", text)
        assert "http" not in re.sub(r"http-equiv", "", text)
        (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
        assert policy.startswith("default-src 'none'")
        for kind in ("style", "script"):
            content = re.search(rf"<{kind}>(.*?)</{kind}>", text, re.S)[1]
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            assert f"{kind}-src 'sha256-{digest}'" in policy

    @given(st.recursive(st.text(), st.lists))
    def test_json_comes_back_and_ends_no_script(self, value):
        text = json_in_script(value)
        assert json.loads(text) == value and not set("<>&") & set(text)


class TestOddRuns:
    def test_several_side_by_side(self, make_run, tmp_path):
        (tmp_path / "empty").mkdir()
        (make_run("cut") / "config.json").write_text("{")
        text = report(
            make_run("one", z_dim=8), make_run("two", z_dim=16), tmp_path / "runs" / "cut",
            tmp_path / "empty",
        )  # fmt: skip
        found = Elements(text)
        assert "Report of 4 runs" in found.text and 'id="together"' in text
        assert "<td><b>8</b></td><td><b>16</b></td><td></td><td></td>" in text
        assert "config.json is not the config of a run" in found.text
        assert "the folder is empty" in found.text
        assert set(embedded(text)) == {"0", "1", "2"}

    def test_runs_of_one_name_are_with_unique_names(self, make_run, tmp_path, monkeypatch):
        paths = [make_run("a/seed0"), make_run("b/seed0"), make_run("c")]
        named = with_unique_names([gather(path, grids=1, pixels=64) for path in paths])
        assert [run.name for run in named] == [str(paths[0]), str(paths[1]), "c"]
        monkeypatch.chdir(paths[2])
        assert gather(Path("."), grids=1, pixels=64).name == "c"

    def test_a_run_that_has_only_begun(self, make_run):
        path = make_run()
        for name in ("checkpoints", "samples"):
            shutil.rmtree(path / name)
        for name in ("stats.jsonl", "timing.jsonl", "reals.png", "log.txt"):
            (path / name).unlink()
        found = Elements(report(path))
        for part in ("0 of 1,000", "none yet", "no sample grids yet", "No curves", "No log."):
            assert part in found.text
        assert "img" not in found.tags and "svg" not in found.tags

    def test_a_newer_version(self, make_run):
        path = make_run()
        values = json.loads((path / "config.json").read_text()) | {"format": 99, "new": [1]}
        (path / "config.json").write_text(json.dumps(values))
        text = Elements(report(path)).text
        assert "written in format 99 by a newer version" in text
        assert "unknown to this version: new = [1]" in text

    def test_no_such_folder(self, tmp_path):
        with pytest.raises(UserError, match="no such folder"):
            gather(tmp_path / "nowhere", grids=1, pixels=64)

    def test_the_command(self, make_run, command, tmp_path):
        done = command("report", make_run(), cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "report.html" in done.stdout
        assert (tmp_path / "runs" / "run" / "report.html").stat().st_size > 10_000
        for words, message in (([], "expected the folder"), (["runs"], "such as runs/run;")):
            done = command("report", *words, cwd=tmp_path)
            assert done.returncode == 2 and done.stderr.count("\n") == 1
            assert message in done.stderr

    @pytest.mark.parametrize("flag", ["grid_width", "grid_quality"])
    def test_images_that_are_left_out_have_no_size(self, command, flag):
        done = command("report", "run", "--grids=0", "--noreals", f"--{flag}=70")
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: --{flag}: there are no images with --grids=0 and")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(
        ["config.json", "stats.jsonl", "timing.jsonl", "watch.jsonl", "summary.json",
         "evaluations.jsonl", "evaluation.json"]
    ),
    key=st.sampled_from(
        ["dataset", "steps", "step", "format", "loss", "best", "collapse", "fid", "real",
         "figures", "results", "d_loss", "seconds", "images_per_second", "spread", "z_dim"]
    ),
    values=st.lists(JSON | st.just(10**400), min_size=1, max_size=3),
)  # fmt: skip
def test_whatever_is_in_a_file_there_is_a_page(tmp_path, name, key, values):
    path = tmp_path / "run"
    path.mkdir(exist_ok=True)
    for old in path.iterdir():
        old.unlink()
    whole = {"dataset": "hwdb", "format": 1, "steps": 10}
    (path / "config.json").write_text(json.dumps(whole))
    rows = [json.dumps(whole | {"step": 5 + n, key: value}) for n, value in enumerate(values)]
    (path / name).write_text("\n".join(rows) if name.endswith("jsonl") else rows[0])
    text = report(path)
    assert text.endswith("</html>\n") and "\x1b" not in text


class TestCurves:
    def test_what_is_known_of_one_step_is_a_number_and_no_curve(self, make_run):
        path = make_run(step=100)
        evaluation = {"step": 100, "figures": {"fid": 90.5}}
        (path / "evaluations.jsonl").write_text(json.dumps(evaluation))
        text = report(path)
        assert "<svg" not in text and text.count("90.5") == 2  # best metric, and under Quality
        row = '<th scope="row">loss: discriminator</th><td>100</td><td>0.1</td>'
        assert row in text and '<th scope="row">images per second</th>' in text
        with (path / "stats.jsonl").open("a") as stream:
            stream.write(json.dumps({"step": 200, "d_loss": 0.2}) + "\n")
        text = report(path)
        assert text.count("<svg") == 1 and "<circle" in text and row not in text
        both = report(path, make_run("other"))
        assert "<figcaption>images per second</figcaption>" in both

    def test_thinned_to_the_means_of_stretches(self):
        assert thinned([(2, 1.0), (1, 3.0)]) == [(1, 3.0), (2, 1.0)]
        points = thinned([(step, float(step % 2)) for step in range(4001)])
        assert len(points) <= 400 and points[-1] == (4000, 0.0)
        assert all(value == pytest.approx(0.5, abs=0.06) for _, value in points[:-1])

    def test_an_outlier_does_not_flatten_the_rest(self):
        points = [(step, 1.0) for step in range(200)] + [(200, 1e9)]
        assert "1 of the values are out of range" in chart("t", [Series("s", 0, points)], 0)

    def test_a_single_value_is_a_dot(self):
        text = chart("t", [Series("s", 0, [(5, 2.0)])], 0)
        assert "<circle" in text and "polyline" not in text and "nan" not in text
        assert chart("t", [Series("s", 0, [])], 0) == ""

    @given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e12))
    def test_ticks_are_few_round_and_within(self, low, length):
        high = low + length
        if high - low < 1e-9 * abs(high):
            return
        found = ticks(low, high, 5)
        assert 2 <= len(found) <= 7
        room = 1e-6 * (high - low)
        assert all(low - room <= tick <= high + room for tick in found)

    @pytest.mark.parametrize(
        ("value", "text"),
        [(0, "0"), (12_000, "12k"), (1.5e6, "1.5M"), (0.03125, "0.0312"), (1200, "1,200"),
         (-0.5, "-0.5"), (-0.0, "0")],
    )  # fmt: skip
    def test_short_numbers(self, value, text):
        assert short(value) == text
