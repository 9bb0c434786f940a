from __future__ import annotations

import os
import sys

import pytest

from lsgan_tf.demo import server
from lsgan_tf.errors import UserError

pytestmark = pytest.mark.fast


def test_a_port_in_use_is_named():
    with server.listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(UserError, match=rf"^--port={port}: in use by another program"):
            server.listen("127.0.0.1", port)


def test_a_host_that_is_none():
    with pytest.raises(UserError, match=r"^--host=256\.1\.1\.1: expected a name or an address"):
        server.listen("256.1.1.1", 0)


def test_a_host_that_is_another():
    # An address for documentation, which no machine has.
    with pytest.raises(UserError, match=r"^--host=192\.0\.2\.1: cannot be listened on"):
        server.listen("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]")]
)
def test_the_address_is_one_for_a_browser(host, shown):
    with server.listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        assert server.address(host, listening) == f"http://{shown}:{port}"


def test_the_oldest_drawings_go(tmp_path):
    folders = server.Folders(tmp_path, kept=2)
    made = [folders.new() for _ in range(4)]
    assert sorted(tmp_path.iterdir()) == sorted(made[2:])


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(UserError, match=r"pip install 'lsgan_tf\[demo\]'$"):
        server.require_gradio()


def test_telemetry_is_off(monkeypatch, tmp_path):
    for name in (*server.ENVIRONMENT, "GRADIO_TEMP_DIR"):
        monkeypatch.setenv(name, "True")
    server.prepare_environment(tmp_path)
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert os.environ["GRADIO_TEMP_DIR"] == str(tmp_path)
