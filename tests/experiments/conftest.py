"""Real runs of experiments, by processes forked from one with TensorFlow loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import spawning

from lsgan_tf.experiments.common import output as folder
from lsgan_tf.experiments.common import results as gathering
from lsgan_tf.experiments.common import runner
from lsgan_tf.experiments.common.experiment import Conclusion, Run
from lsgan_tf.experiments.registry import load

TINY = (
    "--steps=4", "--log_every=2", "--sample_every=2", "--checkpoint_every=0", "--batch_size=8",
    "--z_dim=4", "--devices=cpu", "--steps_per_call=2", "--jit_compile=off",
)  # fmt: skip


class _Forked:
    """The part of `subprocess.Popen` that the runner uses."""

    def __init__(self, words: Sequence[str], *, stdout, env, **rest: object) -> None:
        module = words[2].removeprefix("lsgan_tf.")
        self._process = spawning.start(words[3:], Path(stdout.name), module=module)

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()


@pytest.fixture
def make(monkeypatch, tmp_path) -> Callable[..., tuple[list[Run], Conclusion, Path]]:
    """Runs an experiment with tiny settings: `make("mixture", ["gan"], "--radius=2")`."""
    monkeypatch.setattr(runner.subprocess, "Popen", _Forked)
    monkeypatch.chdir(Path(__file__).parents[2])  # flag files are found from there

    def run(
        name: str,
        arms: Sequence[str],
        *words: str,
        scale: str | None = None,
        variant: str | None = None,
    ):
        experiment = load(name)
        every = experiment.chosen(scale, variant, (*TINY, *words))
        chosen = [arm for arm in every if arm.name in arms]
        assert len(chosen) == len(arms)
        runs = [
            Run(arm, 0, folder.run_folder(tmp_path / "out", f"{arm.name}-seed0")) for arm in chosen
        ]
        runner.run_all(experiment, runs, tmp_path / "out", parallel=1)
        logs = [folder.log_file(tmp_path / "out", run.name) for run in runs]
        output = "\n".join(log.read_text(errors="replace")[-2000:] for log in logs)
        assert [run.status for run in runs] == ["finished"] * len(runs), output
        gathering.measure_all(experiment, runs, tmp_path / "out")
        conclusion = experiment.conclude(runs, tmp_path / "out")
        for figure in conclusion.figures:
            assert (tmp_path / "out" / figure.file).stat().st_size > 200
        gathering.results(dataclasses.replace(experiment), chosen, runs, conclusion)
        return runs, conclusion, tmp_path / "out"

    return run
