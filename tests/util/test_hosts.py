"""Whether a host answers."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from email.message import Message

import pytest

from lsgan_tf.util.hosts import unreachable

pytestmark = pytest.mark.fast


@pytest.fixture
def answer(monkeypatch):
    """Makes every request end with an error."""

    def make(error):
        def urlopen(request, timeout):
            assert request.get_method() == "HEAD" and timeout < 10
            raise error

        monkeypatch.setattr(urllib.request, "urlopen", urlopen)

    return make


def test_an_error_of_the_server_is_an_answer(answer):
    body = io.BytesIO(b"method not allowed")
    answer(urllib.error.HTTPError("https://host/file", 405, "no HEAD", Message(), body))
    assert unreachable("https://host/file") is None
    assert body.closed


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (urllib.error.URLError("no\nnetwork"), "no network"),
        (TimeoutError("timed out"), "timed out"),
    ],
)
def test_why_a_host_does_not_answer(answer, error, expected):
    answer(error)
    assert unreachable("https://host/file") == expected


def test_an_address_that_is_none():
    assert "unknown url type" in unreachable("file")
