"""TensorBoard's events on a disk that is full."""

from __future__ import annotations

import numpy as np
import pytest

from lsgan_tf.errors import UserError
from lsgan_tf.monitoring.tensorboard.summaries import Summaries

pytestmark = pytest.mark.fast


def test_a_full_disk_is_told_in_one_line(small_disk):
    summaries = Summaries(small_disk.path / "tensorboard")
    summaries.scalars(1, {"loss/d": 0.5})
    summaries.flush()
    small_disk.fill()
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    with pytest.raises(UserError, match=r"TensorBoard needs .* are free; free some") as caught:
        summaries.image(1, "samples", picture)
    assert "\n" not in str(caught.value)
