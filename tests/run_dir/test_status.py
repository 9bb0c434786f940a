from __future__ import annotations

import fcntl
import json
import os
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lsgan_tf.evaluation.history import Best, best_of, best_of_run, evaluations
from lsgan_tf.reporting.listing import find, table
from lsgan_tf.run_dir.status import find_runs, last_row, read_run, rows

pytestmark = pytest.mark.fast


class TestState:
    @pytest.mark.parametrize(
        ("step", "log", "state", "note"),
        [
            (1000, "finished 1,000 steps in 00:01:00", "finished", ""),
            (300, "stopped by SIGTERM at step 300, checkpoint written", "stopped", "by SIGTERM"),
            (300, "step 300 of 1,000", "stale", "without a recorded reason"),
            (300, "diverged: step 301: not finite: d_loss nan; weights", "diverged", "step 301"),
        ],
    )
    def test_of_a_run_that_nobody_holds(self, make_run, step, log, state, note):
        run = read_run(make_run(step=step, log=log))
        assert (run.state, run.step, run.steps) == (state, step, 1000)
        assert note in run.note

    def test_of_a_run_that_is_held(self, make_run):
        path = make_run(log="step 300 of 1,000")
        with (path / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert read_run(path).state == "running"
            long_ago = time.time() - 5000
            for file in path.iterdir():
                os.utime(file, (long_ago, long_ago))
            run = read_run(path)
            assert run.state == "stale" and "has written nothing for 83 min" in run.note
        assert read_run(path).note.startswith("its process ended")

    def test_reading_does_not_lock(self, make_run):
        path = make_run()
        with (path / "lock").open("w") as lock:
            read_run(path)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def test_collapsed(self, make_run):
        path = make_run(step=1000, log="finished")
        found = {"collapse": {"collapsed": True, "since_step": 400}}
        (path / "summary.json").write_text(json.dumps(found))
        run = read_run(path)
        assert (run.state, run.note) == ("collapsed", "since step 400, finished")

    def test_of_a_newer_version(self, make_run):
        path = make_run()
        values = json.loads((path / "config.json").read_text()) | {"format": 99, "new": 1}
        (path / "config.json").write_text(json.dumps(values))
        run = read_run(path)
        assert run.state == "newer" and "format 99 by a newer version" in run.note

    @pytest.mark.parametrize("name", ["checkpoint.json", "state.index"])
    def test_a_damaged_checkpoint_is_reported(self, make_run, name):
        path = make_run()
        (path / "checkpoints" / "step-00000300" / name).write_bytes(b"1")
        assert "step-00000300 is damaged" in read_run(path).note

    @pytest.mark.parametrize(
        "content", [b"", b"{", b"[1]", b'{"steps": 3}', b"\xff\xfe", b"[" * 100_000]
    )
    def test_a_damaged_config(self, make_run, content):
        path = make_run()
        (path / "config.json").write_bytes(content)
        assert read_run(path).state == "damaged"

    def test_without_a_config(self, make_run, tmp_path):
        path = make_run()
        (path / "config.json").unlink()
        assert (read_run(path).state, read_run(path).note) == ("damaged", "no config.json in it")
        (tmp_path / "empty").mkdir()
        assert read_run(tmp_path / "empty").state == "empty"
        assert read_run(tmp_path / "nowhere").state == "damaged"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.sampled_from(
        ["config.json", "stats.jsonl", "summary.json", "evaluations.jsonl", "evaluation.json"]
    ),
    key=st.sampled_from(
        ["dataset", "loss", "steps", "step", "format", "best", "collapse", "fid", "results"]
    ),
    value=JSON | st.just(10**400),
)
def test_whatever_is_in_a_file_the_list_has_one_line_for_the_run(tmp_path, name, key, value):
    path = tmp_path / "runs" / "any"
    path.mkdir(parents=True, exist_ok=True)
    for old in path.iterdir():
        old.unlink()
    (path / "config.json").write_text('{"dataset": "hwdb", "format": 1, "steps": 10}')
    whole = {"dataset": "hwdb", "format": 1, "step": 5, key: value}
    (path / name).write_text(json.dumps(whole))
    text = table(find([tmp_path / "runs"]))
    assert len(text.splitlines()) == 2 and "\x1b" not in text


class TestRows:
    def test_a_cut_line_is_left_out(self, tmp_path):
        (tmp_path / "a.jsonl").write_bytes(b'{"step": 1}\n[2]\nx\n{"step": 3}\n{"st')
        assert rows(tmp_path / "a.jsonl") == [{"step": 1}, {"step": 3}]
        assert last_row(tmp_path / "a.jsonl") == {"step": 3}
        assert rows(tmp_path / "none") == [] and last_row(tmp_path / "none") == {}

    def test_the_last_row_of_a_long_file(self, tmp_path):
        text = "".join(json.dumps({"step": number}) + "\n" for number in range(20_000))
        (tmp_path / "a.jsonl").write_text(text)
        assert last_row(tmp_path / "a.jsonl") == {"step": 19_999}


class TestFind:
    def test_runs_below_and_empty_folders(self, make_run, tmp_path):
        for name in ("b", "deep/down/a"):
            make_run(name)
        for name in ("empty", "papers", "papers/inner"):
            (tmp_path / "runs" / name).mkdir()
        (tmp_path / "runs" / "papers" / "a.pdf").touch()
        found = [str(path.relative_to(tmp_path / "runs")) for path in find_runs(tmp_path / "runs")]
        assert found == ["b", "deep/down/a", "empty"]

    def test_a_run_itself(self, make_run):
        path = make_run()
        assert find_runs(path) == [path]


class TestBest:
    ROWS = (
        {"step": 1, "fid": 30.0, "judge_top1": 0.2},
        {"step": 2, "fid": 20.0, "judge_top1": 0.1},
    )

    def test_lower_or_higher(self):
        assert best_of(self.ROWS) == Best("fid", 20.0, 2)
        assert best_of(self.ROWS, "judge_top1") == Best("judge_top1", 0.2, 1)
        assert best_of([{"step": 3, "fid_ema": 2.0}, {"step": 4, "fid_ema": 1.0}]).value == 1.0
        assert best_of([]) is None and best_of([{"step": 1, "fid": None}]) is None

    def test_evaluations_of_training_and_of_the_command(self, tmp_path):
        (tmp_path / "evaluations.jsonl").write_text('{"step": 5, "fid": 9.0}\n{"step": "x"}\n')
        report = {
            "real": {"fid": 1.0},
            "results": [{"step": 3, "weights": "ema", "figures": {"fid": 8.0}}, 7],
        }
        (tmp_path / "evaluation.json").write_text(json.dumps(report))
        first, second = evaluations(tmp_path)
        assert (first["step"], first["by"], first["real"]) == (3, "evaluate", {"fid": 1.0})
        assert second == {"step": 5, "fid": 9.0}
        assert best_of([first, second]) == Best("fid", 8.0, 3)

    def test_what_the_run_says_goes_first(self):
        said = {"best": {"metric": "kid", "value": 0.1, "step": 7}}
        assert best_of_run(said, self.ROWS) == Best("kid", 0.1, 7)
        assert best_of_run({"best": 3}, self.ROWS) == Best("fid", 20.0, 2)
