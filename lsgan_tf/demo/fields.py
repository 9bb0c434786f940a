"""Input and output components of the demo's page."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lsgan_tf.demo import drawing
from lsgan_tf.sampling.sampler import Sampler

if TYPE_CHECKING:
    import gradio as gr

WRAP = 12
"""Default number of characters per line."""

_ALL = "all classes"
# At its end, a slider disables truncation: 1 in 16,000 normal numbers is beyond 4.
_LARGEST_TRUNCATION = {"uniform": 1.0, "normal": 4.0}
_RANDOM_SEEDS = 1_000_000


def seed_field(label: str, name: str, *, value: int = 1, another: str | None = None) -> gr.Number:
    """Create a field for a seed, with a button for a random one, labelled `another`, if given."""
    import gradio as gr

    field = gr.Number(
        value, label=label, precision=0, minimum=0, maximum=drawing.LARGEST_SEED, elem_id=name
    )
    if another:
        button = gr.Button(another, size="sm", elem_id=f"{name}-another")
        button.click(
            lambda: random.randrange(_RANDOM_SEEDS),
            outputs=field,
            show_progress="hidden",
            api_visibility="private",
        )
    return field


def class_field(sampler: Sampler, name: str) -> gr.Dropdown:
    """Create a list of all classes, hidden for an unconditional generator."""
    import gradio as gr

    return gr.Dropdown(
        [_ALL, *sampler.classes],
        value=_ALL,
        label="Class",
        visible=bool(sampler.classes),
        elem_id=name,
    )


def truncation_slider(sampler: Sampler, name: str, value: float | None) -> gr.Slider:
    """Create a slider for the truncation, with initial value `value`; None for no truncation."""
    import gradio as gr

    largest = _LARGEST_TRUNCATION[sampler.z_distribution]
    label = f"Truncation: less variety, fewer bad samples ({largest:g}: none)"
    return gr.Slider(0.05, largest, value or largest, step=0.05, label=label, elem_id=name)


def wrap_slider(name: str) -> gr.Slider:
    """Create a slider for the line length."""
    import gradio as gr

    label = "Wrap: characters in a line (0: as typed)"
    return gr.Slider(0, 40, WRAP, step=1, label=label, elem_id=name)


def outputs(name: str, kinds: Sequence[str]) -> list[Any]:
    """Create a message, an image per kind of image file, and a download button per kind."""
    import gradio as gr

    message = gr.HTML(visible=False, padding=False, elem_id=f"{name}-message")
    images = [
        gr.Image(
            type="filepath",
            show_label=False,
            interactive=False,
            buttons=["fullscreen"],
            elem_id=f"{name}-{kind}",
            elem_classes="drawing",
            alt_text=f"{name} ({kind.upper()})",
        )
        for kind in kinds
        if kind != "npz"
    ]
    with gr.Row():
        buttons = [
            gr.DownloadButton(
                f"Download {kind.upper()}", interactive=False, elem_id=f"{name}-{kind}-download"
            )
            for kind in kinds
        ]
    return [message, *images, *buttons]


def limit(sampler: Sampler, truncation: float) -> float | None:
    """Return the truncation of a slider's value: None at the end of the slider."""
    return None if truncation >= _LARGEST_TRUNCATION[sampler.z_distribution] else truncation


def chosen_class(name: str) -> str | None:
    """Return the selected class; None for all classes."""
    return None if name == _ALL else name
