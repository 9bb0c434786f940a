"""Pieces of HTML, safe whatever they are made of."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape
from importlib import resources
from typing import Any

from lsgan_tf.util.text import printable


def text_of(text: object) -> str:
    """A text for HTML: escaped, and without anything that is not printable."""
    return escape(printable(str(text)))


def table(kind: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that scrolls by itself where it is wider than the screen.

    Args:
      kind: its class, and its name for who cannot see it.
      head: HTML of the headings; none if empty.
      rows: HTML of the cells with their tags.
    """
    top = "".join(f'<th scope="col">{name}</th>' if name else "<td></td>" for name in head)
    thead = f"<thead><tr>{top}</tr></thead>" if head else ""
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{kind}">'
        f'<table class="{kind}">{thead}<tbody>{body}</tbody></table></div>'
    )


def json_in_script(value: Any) -> str:
    """JSON for a script element, which no `</script>` or `<!--` in it can end."""
    text = json.dumps(value, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def asset(name: str) -> str:
    """A file of the page."""
    return (
        resources.files("lsgan_tf.reporting").joinpath("assets", name).read_text(encoding="utf-8")
    )


def content_hash(text: str) -> str:
    """What a Content-Security-Policy names an inline script or style by."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"sha256-{digest}"
