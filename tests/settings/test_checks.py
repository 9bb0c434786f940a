"""Settings that contradict one another."""

from __future__ import annotations

import pytest

from lsgan_tf.config import resolve
from lsgan_tf.errors import UserError
from lsgan_tf.settings.checks import check_coding

pytestmark = pytest.mark.fast


def coding(a, b, c, **given):
    names = ("label_fake", "label_real", "label_target")
    return resolve(dict(zip(names, (a, b, c), strict=True)) | given, {})


@pytest.mark.parametrize("targets", [(0, 1, 1), (-1, 1, 0), (0, 1, 0.5), (1, 0, 0), (-1, 1, 1)])
def test_codings_of_the_papers_and_others(targets):
    check_coding(*coding(*map(float, targets)))


@pytest.mark.parametrize("targets", [(0, 1, 0), (-1, 1, -1)])
def test_a_target_of_g_that_is_that_of_fakes(targets):
    a, _, c = targets
    message = f"--label_fake={a} and --label_target={c}: G's target is .*give all three"
    with pytest.raises(UserError, match=message):
        check_coding(*coding(*map(float, targets)))


def test_a_default_is_called_one():
    config, origins = resolve({"dataset": "digits", "label_fake": 0.0}, {})
    with pytest.raises(UserError, match=r"=0 and --label_target=0 \(default for digits\): "):
        check_coding(config, origins)


def test_cross_entropy_has_no_targets():
    config, _ = resolve({"dataset": "hwdb", "loss": "nsgan"}, {})
    check_coding(config)
