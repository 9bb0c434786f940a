"""Fingerprints of several versions."""

from __future__ import annotations

import pytest

from lsgan_tf.settings.fingerprints import same, shortened, versioned

pytestmark = pytest.mark.fast


def test_a_run_of_an_earlier_version_is_of_the_same_data():
    new = versioned("aa", "bb")
    assert same(new, new) and same("bb", "bb")
    assert same(new, "bb") and same("bb", new)
    assert not same(new, "aa") and not same("aa", "bb")
    # What is known of both is compared in full.
    assert not same(new, versioned("cc", "bb"))
    assert not same(new, "")


def test_messages_tell_two_apart():
    assert shortened("ab") == "ab"
    assert shortened(versioned("0123456789abcdef", "ff" * 32)) == "0123456789ab..."
