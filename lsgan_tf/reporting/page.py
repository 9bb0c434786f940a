"""The report as a self-contained HTML page.

Text from run folders is escaped, images are encoded again, and a Content-Security-Policy
allows only the page's own script and style, by their hashes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from lsgan_tf._version import __version__
from lsgan_tf.evaluation.history import best_value, is_compared, metrics_of, plain_name
from lsgan_tf.reporting.charts import charts
from lsgan_tf.reporting.listing import describe_data, describe_step
from lsgan_tf.reporting.markup import asset, content_hash, json_in_script, table, text_of
from lsgan_tf.reporting.run_data import RunData
from lsgan_tf.reporting.samples import images_by_slider, samples
from lsgan_tf.reporting.svg import COLOURS
from lsgan_tf.run_dir.status import is_number, size
from lsgan_tf.util.text import describe_size, printable, spell
from lsgan_tf.util.text import number as number_text

_ALARMING = ("diverged", "collapsed", "damaged", "stale")
_STANDIN = (
    "Trained on a stand-in: characters drawn by a program from open stroke data, not handwriting. "
    "The metrics say nothing about HWDB."
)


def page(runs: Sequence[RunData], limit: str) -> str:
    """Render the page.

    Args:
      runs: one or several runs.
      limit: a sentence on the maximum number of images.
    """
    title = f"Report of {runs[0].name}" if len(runs) == 1 else f"Report of {len(runs)} runs"
    sections = {
        "overview": ("Overview", _overview(runs)),
        "samples": ("Samples", samples(runs, limit)),
        "curves": ("Curves", charts(runs)),
        "quality": ("Quality", _quality(runs)),
        "settings": ("Settings", _settings(runs)),
        "log": ("Log", _log(runs)),
    }
    links = "".join(f'<a href="#{key}">{name}</a>' for key, (name, _) in sections.items())
    body = "".join(
        f'<section id="{key}"><h2>{name}</h2>{text}</section>'
        for key, (name, text) in sections.items()
    )
    style, script = (asset(name) for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; img-src data:; style-src '{content_hash(style)}'; "
        f"script-src '{content_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    images = json_in_script(images_by_slider(runs))
    made = time.strftime("%Y-%m-%d %H:%M")
    whole = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{text_of(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#overview">Skip to the content</a>\n'
        f"<header><h1>{text_of(title)}</h1>"
        f"<p class=faint>lsgan_tf {__version__}, written {made}</p>"
        f"<nav>{links}</nav></header>\n<main>{body}</main>\n"
        f'<script type="application/json" id="images">{images}</script>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )
    # JSON may contain lone surrogates, which cannot be encoded.
    return whole.encode("utf-8", "replace").decode("utf-8")


def _overview(runs: Sequence[RunData]) -> str:
    rows: dict[str, Callable[[RunData], str]] = {
        "state": _state,
        "data": lambda data: text_of(_known(data, "data_description") or describe_data(data.run)),
        "loss, network": lambda data: text_of(
            ", ".join(filter(None, (_known(data, "loss"), _known(data, "network"))))
        ),
        "steps": lambda data: text_of(describe_step(data.run)),
        "time": lambda data: "" if data.seconds is None else f"{spell(data.seconds)} trained",
        "speed": lambda data: (
            "" if data.speed is None else f"{data.speed:,.0f} images/s (recent median)"
        ),
        "machine": lambda data: "<br>".join(map(text_of, data.machine)) or "not recorded",
        "best metric": _best,
        "checkpoints": _checkpoints,
        "collapse alarm": _collapse,
        "size": lambda data: describe_size(size(data.run.path)),
    }
    cells = [
        [f'<th scope="row">{name}</th>', *(f"<td>{of(data) or '-'}</td>" for data in runs)]
        for name, of in rows.items()
    ]
    warnings = "".join(_warnings(data) for data in runs)
    return warnings + table("overview", ["", *_names(runs)] if len(runs) > 1 else [], cells)


def _warnings(data: RunData) -> str:
    name, found = data.name, []
    if data.run.state in _ALARMING:
        found.append(f"{data.run.state}: {data.run.note}")
    if data.run.state in ("empty", "newer"):
        found.append(data.run.note)
    if data.run.values.get("data_standin") is True:
        found.append(_STANDIN)
    if data.unreadable:
        found.append(f"unreadable images: {', '.join(data.unreadable)}")
    return "".join(
        f'<p class="notice"><b>{text_of(name)}</b>: {text_of(text)}</p>' for text in found
    )


def _state(data: RunData) -> str:
    odd = data.run.state in ("empty", "newer")
    kind = "bad" if data.run.state in _ALARMING else "odd" if odd else "good"
    note = f" {text_of(data.run.note)}" if data.run.note else ""
    return f'<span class="state {kind}">{text_of(data.run.state)}</span>{note}'


def _best(data: RunData) -> str:
    best = data.best
    if best is None:
        return "no evaluation"
    return text_of(f"{best.name} {best.value:.4g} at step {best.step:,}")


def _checkpoints(data: RunData) -> str:
    newest = data.newest_checkpoint or "none yet"
    best = f"; best: {data.best_checkpoint}" if data.best_checkpoint else ""
    return text_of(f"newest: {newest}{best}")


def _collapse(data: RunData) -> str:
    alarm = data.run.collapse
    if not alarm:
        return "not watched"
    if alarm.get("collapsed") is not True:
        return "no collapse"
    good = alarm.get("last_good_checkpoint")
    kept = f"; last good checkpoint {good}" if good else ""
    since = alarm.get("since_step")
    step = f"{since:,}" if is_number(since) else since
    return text_of(f"since step {step}: {alarm.get('why')}{kept}")


def _quality(runs: Sequence[RunData]) -> str:
    found = []
    for data in runs:
        if not data.evaluations:
            found.append(f"<p>{text_of(data.name)}: not evaluated.</p>")
            continue
        keys = list(dict.fromkeys(key for row in data.evaluations for key in metrics_of(row)))
        steps = [(_when(row), metrics_of(row)) for row in data.evaluations]
        best = {
            key: best_value(key, (values[key] for _, values in steps if key in values))
            for key in keys
            if is_compared(key)
        }
        lines = [
            [
                f'<th scope="row">{step}</th>',
                *(_cell(values.get(key), best.get(key)) for key in keys),
            ]
            for step, values in steps
        ]
        real = next((r["real"] for r in reversed(data.evaluations) if _is_row(r.get("real"))), None)
        if real:
            cells = (_cell(metrics_of(real).get(plain_name(key)), None) for key in keys)
            lines.append(['<th scope="row">real data</th>', *cells])
        title = text_of(data.name)
        found.append(f"<h3>{title}</h3>" + table("numbers", ["step", *map(text_of, keys)], lines))
    return "".join(found)


def _when(row: dict[str, Any]) -> str:
    """Describe a row by its step, weights and origin."""
    by = "evaluate" if row.get("by") == "evaluate" else ""
    weights = "EMA weights" if row.get("weights") == "ema" else ""
    return ", ".join(filter(None, (f"{int(row['step']):,}", weights, by)))


def _is_row(value: Any) -> bool:
    return isinstance(value, dict) and bool(metrics_of(value))


def _cell(value: float | None, best: float | None) -> str:
    if value is None:
        return "<td>-</td>"
    return f"<td><b>{value:.4g}</b></td>" if value == best else f"<td>{value:.4g}</td>"


def _settings(runs: Sequence[RunData]) -> str:
    by_run = [{setting.name: setting for setting in data.settings} for data in runs]
    names = list(dict.fromkeys(name for known in by_run for name in known))
    if not names:
        return "<p>No settings could be read.</p>"
    changed: list[list[str]] = []
    usual: list[list[str]] = []
    for name in names:
        here = [known.get(name) for known in by_run]
        values = {json.dumps(setting.value) for setting in here if setting}
        defaults = dict.fromkeys(_value(setting.default) for setting in here if setting)
        row = [
            f'<th scope="row">{text_of(name)}</th>',
            *(f"<td>{'' if s is None else _marked(_value(s.value), s.changed)}</td>" for s in here),
            f"<td class=faint>{', '.join(defaults)}</td>",
        ]
        differs = len(values) > 1 or any(setting and setting.changed for setting in here)
        (changed if differs else usual).append(row)
    head = ["setting", *(_names(runs) if len(runs) > 1 else ["value"]), "default"]
    text = table("settings", head, changed) if changed else "<p>All settings are the defaults.</p>"
    text += f"<details><summary>{len(usual)} settings at their defaults</summary>"
    text += table("settings", head, usual) + "</details>"
    for data in runs:
        if data.unknown:
            named = ", ".join(f"{key} = {json.dumps(v)}" for key, v in data.unknown.items())
            text += f"<p>{text_of(f'{data.name}: unknown to this version: {named}')}</p>"
    return text


def _marked(text: str, changed: bool) -> str:
    return f"<b>{text}</b>" if changed else text


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if type(value) in (int, float):
        return number_text(value)
    return text_of(value if isinstance(value, str) else json.dumps(value))


def _log(runs: Sequence[RunData]) -> str:
    found = []
    for data in runs:
        if data.log:
            name = text_of(data.name)
            text = escape("\n".join(map(printable, data.log)))
            found.append(
                f"<details><summary>{name}: the last {len(data.log)} lines</summary>"
                f'<pre tabindex="0">{text}</pre></details>'
            )
    return "".join(found) or "<p>No log.</p>"


def _names(runs: Sequence[RunData]) -> list[str]:
    """Return the runs' names with their colours, as headings."""
    return [
        f'<span class="key c{number % COLOURS}"></span>{text_of(data.name)}'
        for number, data in enumerate(runs)
    ]


def _known(data: RunData, name: str) -> str:
    value = data.run.values.get(name)
    return value if isinstance(value, str) else ""
