"""The calculator against plans worked out by hand."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-m", "lsgan_tf", "plan-hardware"]


def test_plans_are_the_arithmetic_of_their_inputs():
    simple = ["--efficiency=1", "--half_batch=1e-9", "--latency_us=1e-9", "--link_gb_s=1"]
    done = subprocess.run(
        [*COMMAND, *simple, "--float32_tflops=1", "--bfloat16_tflops=4"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    hwdb, bedroom = done.stdout.strip().split("\n\n")
    head, *plans = hwdb.splitlines()
    # Operations of one image, see tests/networks/test_flops.py for the layers.
    g = 2 * (1280 * 6272 + 49 * 25 * 128**2 + 196 * 25 * 128)
    d = 2 * (196 * 25 * 256 + 49 * 25 * 256 * 320 + 9 * 256 * 320 + 15_936 * 1024 + 1280)
    image = g + 2 * (3 * d - 2 * 196 * 25 * 256) + 2 * d + 2 * g - 2 * 1280 * 6272
    assert f"{64 * image / 1e9:.0f} GFLOP a step" in head and "1,246,991 images" in head
    milliseconds = [float(re.search(r"([\d.]+) ms a step", plan)[1]) for plan in plans]
    one = 64 * image / 1e12 * 1e3
    # 30,801,986 gradients of 4 bytes go round a ring of 8 at 1 GB/s.
    ring = 2 * 7 / 8 * 4 * 30_801_986 / 1e9 * 1e3
    assert abs(milliseconds[0] - one) < 0.01
    assert abs(milliseconds[1] - (one / 8 + ring)) < 0.01
    assert abs(milliseconds[3] - one / 4) < 0.01
    assert f"{one * 1e6 / 1e3 / 3600:,.1f} h" in plans[0]
    assert "bottleneck: communication" in plans[1]
    assert bedroom.startswith("LSUN bedroom") and len(bedroom.splitlines()) == 7


def test_batches_that_training_refuses_are_not_planned():
    done = subprocess.run([*COMMAND, "--batch_size=48"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert "error: --batch_size=48 can't be split evenly over 32 GPUs" in done.stderr


def test_numbers_whose_quotients_vanish_are_refused():
    done = subprocess.run([*COMMAND, "--float32_tflops=1e300"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("error: --float32_tflops=1e300: 1e+300 is not a number in the")


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (["--gpus_per_host=1", "--link_gb_s=9"], "link_gb_s"),
        (["--hosts=1", "--network_latency_us=9"], "network_latency_us"),
    ],
)
def test_links_of_one_machine_are_refused(words, flag):
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"error: --{flag}: nothing is sent with {words[0]}; omit one of")
