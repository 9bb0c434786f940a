"""The settings as a table: whatever a value holds, TensorBoard shows it as text."""

from __future__ import annotations

import dataclasses
import html
import re

from hypothesis import given
from hypothesis import strategies as st
from tensorboard import plugin_util

from lsgan_tf.cli.flags import describe, setting_rows
from lsgan_tf.config import resolve
from lsgan_tf.dashboard.settings_table import escaped, settings_table


def cells(text):
    """Rows of cells as TensorBoard's page has them."""
    page = plugin_util.markdown_to_safe_html(text)
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    return [
        [html.unescape(cell) for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL)]
        for row in rows
    ]


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1))
def test_any_text_stays_a_text(text):
    ((_,), (shown,)) = cells(f"| head |\n| --- |\n| {escaped(text)} |")
    assert shown == " ".join(text.split())


def test_every_setting_has_its_row():
    given = {"dataset": "hwdb", "conditional": True, "data_dir": "a|b <img src=x> `c` *d*\n| e"}
    config, origins = resolve(given, dict.fromkeys(given, "command line"))
    config = dataclasses.replace(config, data_shape=(28, 28, 1), data_description="67 |#| classes")
    table = cells(settings_table(config, origins))
    assert table[0] == ["setting", "value", "from"]
    assert all(len(row) == 3 for row in table)
    shown = {row[0]: row[1:] for row in table}
    for row in setting_rows(config, origins):
        assert shown[row.name] == [" ".join(row.value.split()), row.origin]
    assert shown["data_dir"] == ["a|b <img src=x> `c` *d* | e", "command line"]
    assert shown["shape"] == ["28 x 28 x 1", "data"]
    assert shown["description"] == ["67 |#| classes", "data"]
    assert "<strong>networks</strong>" in shown
    assert "<img" not in plugin_util.markdown_to_safe_html(settings_table(config, origins))


def test_the_log_has_the_same_settings_in_words():
    config, origins = resolve({"dataset": "mixture"}, {})
    lines = [line.split() for line in describe(config, origins).splitlines()]
    for row in setting_rows(config, origins):
        assert [row.name, *row.value.split(), *row.origin.split()] in lines
        assert [row.group] in lines
