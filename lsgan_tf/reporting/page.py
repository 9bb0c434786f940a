"""The page of a report: one HTML file that fetches nothing.

Every text from a run folder is escaped, pictures are drawn anew, and the page forbids
itself all scripts and styles but its own, by their hashes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from lsgan_tf._version import __version__
from lsgan_tf.evaluation.history import best_value, figures, is_compared, plain_name
from lsgan_tf.reporting.charts import charts
from lsgan_tf.reporting.facts import Facts, Picture
from lsgan_tf.reporting.listing import describe_data, describe_step
from lsgan_tf.reporting.markup import asset, content_hash, json_in_script, table, text_of
from lsgan_tf.reporting.svg import COLOURS
from lsgan_tf.run_dir.status import is_number, size
from lsgan_tf.util.text import describe_size, printable, spell
from lsgan_tf.util.text import number as number_text

_ALARMING = ("diverged", "collapsed", "damaged", "stale")
_STANDIN = (
    "Trained on a stand-in: characters drawn by a program from open stroke data, not handwriting. "
    "No figure here says anything about HWDB."
)


def page(runs: Sequence[Facts], limit: str) -> str:
    """The whole page.

    Args:
      runs: one or several.
      limit: a sentence on how many pictures the page holds at most.
    """
    title = f"Report of {runs[0].name}" if len(runs) == 1 else f"Report of {len(runs)} runs"
    sections = {
        "overview": ("Overview", _overview(runs)),
        "samples": ("Samples", _samples(runs, limit)),
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
    pictures = json_in_script(_pictures(runs))
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
        f'<script type="application/json" id="pictures">{pictures}</script>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )
    # JSON may hold halves of characters, which no file can.
    return whole.encode("utf-8", "replace").decode("utf-8")


def _overview(runs: Sequence[Facts]) -> str:
    rows: dict[str, Callable[[Facts], str]] = {
        "state": _state,
        "data": lambda facts: text_of(
            _known(facts, "data_description") or describe_data(facts.run)
        ),
        "loss, network": lambda facts: text_of(
            ", ".join(filter(None, (_known(facts, "loss"), _known(facts, "network"))))
        ),
        "steps": lambda facts: text_of(describe_step(facts.run)),
        "time": lambda facts: "" if facts.seconds is None else f"{spell(facts.seconds)} trained",
        "speed": lambda facts: (
            "" if facts.speed is None else f"{facts.speed:,.0f} images/s of late"
        ),
        "machine": lambda facts: "<br>".join(map(text_of, facts.machine)) or "not recorded",
        "best figure": _best,
        "checkpoints": _checkpoints,
        "collapse alarm": _collapse,
        "size": lambda facts: describe_size(size(facts.run.path)),
    }
    cells = [
        [f'<th scope="row">{name}</th>', *(f"<td>{of(facts) or '-'}</td>" for facts in runs)]
        for name, of in rows.items()
    ]
    notices = "".join(_notices(facts) for facts in runs)
    return notices + table("facts", ["", *_names(runs)] if len(runs) > 1 else [], cells)


def _notices(facts: Facts) -> str:
    name, found = facts.name, []
    if facts.run.state in _ALARMING:
        found.append(f"{facts.run.state}: {facts.run.note}")
    if facts.run.state in ("empty", "newer"):
        found.append(facts.run.note)
    if facts.run.values.get("data_standin") is True:
        found.append(_STANDIN)
    if facts.unreadable:
        found.append(f"pictures that could not be read: {', '.join(facts.unreadable)}")
    return "".join(
        f'<p class="notice"><b>{text_of(name)}</b>: {text_of(text)}</p>' for text in found
    )


def _state(facts: Facts) -> str:
    odd = facts.run.state in ("empty", "newer")
    kind = "bad" if facts.run.state in _ALARMING else "odd" if odd else "good"
    note = f" {text_of(facts.run.note)}" if facts.run.note else ""
    return f'<span class="state {kind}">{text_of(facts.run.state)}</span>{note}'


def _best(facts: Facts) -> str:
    best = facts.best
    if best is None:
        return "no evaluation"
    return text_of(f"{best.name} {best.value:.4g} at step {best.step:,}")


def _checkpoints(facts: Facts) -> str:
    newest = facts.newest_checkpoint or "none yet"
    best = f"; best: {facts.best_checkpoint}" if facts.best_checkpoint else ""
    return text_of(f"newest: {newest}{best}")


def _collapse(facts: Facts) -> str:
    alarm = facts.run.collapse
    if not alarm:
        return "not watched"
    if alarm.get("collapsed") is not True:
        return "silent"
    good = alarm.get("last_good_checkpoint")
    kept = f"; last good checkpoint {good}" if good else ""
    since = alarm.get("since_step")
    told = f"{since:,}" if is_number(since) else since
    return text_of(f"since step {told}: {alarm.get('why')}{kept}")


def _samples(runs: Sequence[Facts], limit: str) -> str:
    together = sum(bool(facts.grids) for facts in runs) > 1
    sliders, reals, without = [], [], []
    for number, facts in enumerate(runs):
        name = facts.name
        for kind, grids in _kinds(facts):
            sliders.append(_slider(facts, f"{number}{kind}", kind, grids))
        if facts.reals:
            title = f"{name}: real examples"
            picture = _img(facts.reals, title)
            reals.append(f"<figure><figcaption>{text_of(title)}</figcaption>{picture}</figure>")
        if not facts.grids:
            without.append(f"<p>{text_of(name)}: no sample grids yet.</p>")
    left_out = sum(facts.left_out for facts in runs)
    note = f"{limit} {left_out:,} of this report's grids are left out." if left_out else limit
    box = '<p><label><input type="checkbox" id="together" checked> move all sliders together'
    box = f"{box}</label></p>" if together else ""
    side = f'<div class="side">{"".join(sliders + reals)}</div>' if sliders or reals else ""
    return f"{box}{side}{''.join(without)}<p class=faint>{note}</p>"


def _kinds(facts: Facts) -> list[tuple[str, list[Picture]]]:
    """The sample grids that there are, each kind under the key of its slider."""
    kinds = (("", facts.grids), ("average", facts.averaged), ("raw", facts.raw))
    return [(kind, grids) for kind, grids in kinds if grids]


def _slider(facts: Facts, key: str, kind: str, grids: Sequence[Picture]) -> str:
    name = facts.name + {"": "", "average": ", EMA weights", "raw": ", raw weights"}[kind]
    last = len(grids) - 1
    return (
        f'<figure class="grids" data-key="{key}"><figcaption>{text_of(name)}, '
        f"<output>step {grids[-1].step:,}</output></figcaption>"
        f"{_img(grids[-1], f'{name}: sample grid')}"
        f'<input type="range" min="0" max="{last}" value="{last}" step="1" '
        f'aria-label="{text_of(f"step of the sample grid of {name}")}"></figure>'
    )


def _img(picture: Picture, name: str) -> str:
    return (
        f'<img src="{picture.uri}" width="{picture.width}" height="{picture.height}" '
        f'alt="{text_of(name)}">'
    )


def _quality(runs: Sequence[Facts]) -> str:
    found = []
    for facts in runs:
        if not facts.evaluations:
            found.append(f"<p>{text_of(facts.name)}: not evaluated.</p>")
            continue
        keys = list(dict.fromkeys(key for row in facts.evaluations for key in figures(row)))
        steps = [(_when(row), figures(row)) for row in facts.evaluations]
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
        real = next(
            (r["real"] for r in reversed(facts.evaluations) if _is_row(r.get("real"))), None
        )
        if real:
            cells = (_cell(figures(real).get(plain_name(key)), None) for key in keys)
            lines.append(['<th scope="row">real data</th>', *cells])
        title = text_of(facts.name)
        found.append(f"<h3>{title}</h3>" + table("numbers", ["step", *map(text_of, keys)], lines))
    return "".join(found)


def _when(row: dict[str, Any]) -> str:
    """The step of a row, and what else tells it from others of the same step."""
    by = "evaluate" if row.get("by") == "evaluate" else ""
    weights = "EMA weights" if row.get("weights") == "ema" else ""
    return ", ".join(filter(None, (f"{int(row['step']):,}", weights, by)))


def _is_row(value: Any) -> bool:
    return isinstance(value, dict) and bool(figures(value))


def _cell(value: float | None, best: float | None) -> str:
    if value is None:
        return "<td>-</td>"
    return f"<td><b>{value:.4g}</b></td>" if value == best else f"<td>{value:.4g}</td>"


def _settings(runs: Sequence[Facts]) -> str:
    by_run = [{setting.name: setting for setting in facts.settings} for facts in runs]
    names = list(dict.fromkeys(name for known in by_run for name in known))
    if not names:
        return "<p>No settings could be read.</p>"
    changed, usual = [], []
    for name in names:
        here = [known.get(name) for known in by_run]
        told = {json.dumps(setting.value) for setting in here if setting}
        defaults = dict.fromkeys(_value(setting.default) for setting in here if setting)
        row = [
            f'<th scope="row">{text_of(name)}</th>',
            *(f"<td>{'' if s is None else _marked(_value(s.value), s.changed)}</td>" for s in here),
            f"<td class=faint>{', '.join(defaults)}</td>",
        ]
        differs = len(told) > 1 or any(setting and setting.changed for setting in here)
        (changed if differs else usual).append(row)
    head = ["setting", *(_names(runs) if len(runs) > 1 else ["value"]), "default"]
    text = table("settings", head, changed) if changed else "<p>All settings are the defaults.</p>"
    text += f"<details><summary>{len(usual)} settings at their defaults</summary>"
    text += table("settings", head, usual) + "</details>"
    for facts in runs:
        if facts.unknown:
            named = ", ".join(f"{key} = {json.dumps(v)}" for key, v in facts.unknown.items())
            told = f"{facts.name}: not known to this version: {named}"
            text += f"<p>{text_of(told)}</p>"
    return text


def _marked(text: str, changed: bool) -> str:
    return f"<b>{text}</b>" if changed else text


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if type(value) in (int, float):
        return number_text(value)
    return text_of(value if isinstance(value, str) else json.dumps(value))


def _log(runs: Sequence[Facts]) -> str:
    found = []
    for facts in runs:
        if facts.log:
            name = text_of(facts.name)
            text = escape("\n".join(map(printable, facts.log)))
            found.append(
                f"<details><summary>{name}: the last {len(facts.log)} lines</summary>"
                f'<pre tabindex="0">{text}</pre></details>'
            )
    return "".join(found) or "<p>No log.</p>"


def _names(runs: Sequence[Facts]) -> list[str]:
    """Headings that show each run's colour."""
    return [
        f'<span class="key c{number % COLOURS}"></span>{text_of(facts.name)}'
        for number, facts in enumerate(runs)
    ]


def _pictures(runs: Sequence[Facts]) -> dict[str, list[list[Any]]]:
    """(step, picture) of each slider, by its key."""
    return {
        f"{number}{kind}": [[picture.step, picture.uri] for picture in grids]
        for number, facts in enumerate(runs)
        for kind, grids in _kinds(facts)
    }


def _known(facts: Facts, name: str) -> str:
    value = facts.run.values.get(name)
    return value if isinstance(value, str) else ""
