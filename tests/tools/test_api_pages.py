"""Which modules the API reference has; CI writes its pages."""

from __future__ import annotations

import api_pages
import pytest

pytestmark = pytest.mark.fast


def test_every_module_but_commands_has_a_page():
    found = api_pages.modules()
    assert found[0] == "lsgan_tf" and len({*found}) == len(found)
    assert {"lsgan_tf.gan", "lsgan_tf.losses", "lsgan_tf.networks.ops.winograd"} <= {*found}
    # Flags of several commands cannot be defined in one process.
    parts = {name.split(".")[1] for name in found[1:]}
    assert not parts & {"main", "sample", "evaluate", "commands", "demo", "__main__"}
