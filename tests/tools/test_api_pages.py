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


def test_the_commands_page_has_the_help_of_every_command(tmp_path, monkeypatch):
    shown = {name: api_pages.COMMANDS[name] for name in ("sample", "runs")}
    monkeypatch.setattr(api_pages, "COMMANDS", shown)
    api_pages.write_commands(tmp_path / "commands.html")
    page = (tmp_path / "commands.html").read_text("utf-8")
    assert '<a href="#runs">runs</a>' in page and '<h2 id="sample">sample</h2>' in page
    assert "&lt;npz|" in page or "&lt;png|" in page  # choices are escaped
    assert "--truncation" in page and "--watch" in page
