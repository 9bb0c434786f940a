"""The sample grids of a report, with a slider over the steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lsgan_tf.reporting.markup import text_of
from lsgan_tf.reporting.run_data import EmbeddedImage, RunData


def samples(runs: Sequence[RunData], limit: str) -> str:
    """Render the sample grids and real examples as HTML.

    Args:
      runs: the runs.
      limit: a sentence on the maximum number of images.
    """
    together = sum(bool(data.grids) for data in runs) > 1
    sliders, reals, without = [], [], []
    for number, data in enumerate(runs):
        name = data.name
        for kind, grids in _kinds(data):
            sliders.append(_slider(data, f"{number}{kind}", kind, grids))
        if data.reals:
            title = f"{name}: real examples"
            image = _img(data.reals, title)
            reals.append(f"<figure><figcaption>{text_of(title)}</figcaption>{image}</figure>")
        if not data.grids:
            without.append(f"<p>{text_of(name)}: no sample grids yet.</p>")
    left_out = sum(data.left_out for data in runs)
    note = f"{limit} {left_out:,} of this report's grids are left out." if left_out else limit
    box = '<p><label><input type="checkbox" id="together" checked> move all sliders together'
    box = f"{box}</label></p>" if together else ""
    side = f'<div class="side">{"".join(sliders + reals)}</div>' if sliders or reals else ""
    return f"{box}{side}{''.join(without)}<p class=faint>{note}</p>"


def _kinds(data: RunData) -> list[tuple[str, list[EmbeddedImage]]]:
    """List the kinds of sample grids that exist: key of the slider, grids."""
    kinds = (("", data.grids), ("average", data.averaged), ("raw", data.raw))
    return [(kind, grids) for kind, grids in kinds if grids]


def _slider(data: RunData, key: str, kind: str, grids: Sequence[EmbeddedImage]) -> str:
    name = data.name + {"": "", "average": ", EMA weights", "raw": ", raw weights"}[kind]
    last = len(grids) - 1
    return (
        f'<figure class="grids" data-key="{key}"><figcaption>{text_of(name)}, '
        f"<output>step {grids[-1].step:,}</output></figcaption>"
        f"{_img(grids[-1], f'{name}: sample grid')}"
        f'<input type="range" min="0" max="{last}" value="{last}" step="1" '
        f'aria-label="{text_of(f"step of the sample grid of {name}")}"></figure>'
    )


def _img(image: EmbeddedImage, name: str) -> str:
    return (
        f'<img src="{image.uri}" width="{image.width}" height="{image.height}" '
        f'alt="{text_of(name)}">'
    )


def images_by_slider(runs: Sequence[RunData]) -> dict[str, list[list[Any]]]:
    """Map the key of each slider to (step, data URI) of its images."""
    return {
        f"{number}{kind}": [[image.step, image.uri] for image in grids]
        for number, data in enumerate(runs)
        for kind, grids in _kinds(data)
    }
