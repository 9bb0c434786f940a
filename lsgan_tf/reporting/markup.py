"""HTML fragments, escaped."""

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
    """Escape a text for HTML and replace unprintable characters."""
    return escape(printable(str(text)))


def table(kind: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Make a table that scrolls horizontally if it is wider than the screen.

    Args:
      kind: CSS class and accessible name.
      head: HTML of the headings; may be empty.
      rows: HTML of the cells, with tags.
    """
    top = "".join(f'<th scope="col">{name}</th>' if name else "<td></td>" for name in head)
    thead = f"<thead><tr>{top}</tr></thead>" if head else ""
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{kind}">'
        f'<table class="{kind}">{thead}<tbody>{body}</tbody></table></div>'
    )


def json_in_script(value: Any) -> str:
    """Encode JSON for a script element, escaping `</script>` and `<!--`."""
    text = json.dumps(value, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def asset(name: str) -> str:
    """Read a file of the page."""
    path = resources.files("lsgan_tf.reporting") / "assets" / name
    return path.read_text(encoding="utf-8")


def content_hash(text: str) -> str:
    """Return the hash of an inline script or style for a Content-Security-Policy."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"sha256-{digest}"
