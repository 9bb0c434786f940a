"""Page of the demo: tabs to write, draw and morph."""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lsgan_tf.demo import drawing, fields
from lsgan_tf.demo.server import Folders
from lsgan_tf.errors import UserError
from lsgan_tf.sampling.sampler import Sampler
from lsgan_tf.util.text import escaped_markdown

if TYPE_CHECKING:
    import gradio as gr

CSS = """
.gradio-container { max-width: 1100px !important; width: 100%; margin: 0 auto !important; }
.drawing img { object-fit: contain; background: #fff; max-height: 60vh; }
.message { color: #b3261e; font-weight: 600; min-height: 1.5em; }
.dark .message { color: #ffb4ab; }
.known { font-size: 1.25rem; line-height: 1.6; overflow-wrap: anywhere; }
"""

_WRITERS = (
    ("one for all", "one"),
    ("one for each line", "line"),
    ("one for each character", "character"),
)
_CACHE_SECONDS = (600, 3600)  # interval of checks for old files, and their maximum age


def build(sampler: Sampler, folders: Folders, truncation: float | None = None) -> gr.Blocks:
    """Build the page of a generator.

    Args:
      sampler: the generator.
      folders: folders for drawings.
      truncation: initial value of the sliders; None for no truncation.
    """
    import gradio as gr

    with gr.Blocks(
        title="Least squares GAN", analytics_enabled=False, delete_cache=_CACHE_SECONDS
    ) as page:
        gr.Markdown(f"# Least squares GAN\n{about(sampler)}")
        tabs = {"Draw": _draw_tab}
        if sampler.of_characters:
            tabs = {"Write": _write_tab, **tabs}
        if len(sampler.shape) == 3:
            tabs["Morph"] = _morph_tab
        for number, (name, fill) in enumerate(tabs.items()):
            with gr.Tab(name) as tab:
                # The first tab draws when the page is loaded, the others when they are selected.
                fill(tab.select if number else page.load, sampler, folders, truncation)
        if sampler.of_characters:
            count = len(sampler.classes)
            with gr.Accordion(f"The {count:,} characters that it can write", open=False):
                gr.HTML(f'<p class="known" lang="zh">{html.escape("".join(sampler.classes))}</p>')
    return page


def about(sampler: Sampler) -> str:
    """Describe the generator in one line of Markdown."""
    size = " x ".join(map(str, sampler.shape[:2])) + " pixels" if len(sampler.shape) == 3 else "2-D"
    parts = [
        f"{sampler.config.get('dataset', sampler.config['network'])}, {size}",
        f"{len(sampler.classes):,} classes" if sampler.classes else "unconditional",
        f"step {sampler.step:,}{', EMA weights' * (sampler.weights == 'ema')}",
    ]
    if sampler.standin:
        parts.append("trained on the synthetic stand-in, not on real handwriting")
    return " · ".join(map(escaped_markdown, parts))


def message(error: UserError) -> str:
    """Format an error for the page, without the flag at its beginning."""
    text = re.sub(r"^(--\w+(=[^:]*)?, )*--\w+(=[^:]*)?: ", "", str(error))
    return text[:1].upper() + text[1:]


def _write_tab(shown: Any, sampler: Sampler, folders: Folders, limit: float | None) -> None:
    import gradio as gr

    first = drawing.first_text(sampler)
    text = gr.Textbox(first, label="Text", lines=2, max_lines=12, elem_id="text")
    button = gr.Button("Write", variant="primary", elem_id="write")
    outputs = fields.outputs("line", ("png", "npz"))
    with gr.Row():
        with gr.Column():
            writer = fields.seed_field("Writer", "writer", another="Another writer")
        with gr.Column():
            writers = gr.Radio(_WRITERS, value="one", label="Writers", elem_id="writers")
        with gr.Column():
            truncation = fields.truncation_slider(sampler, "truncation", limit)
            wrap = fields.wrap_slider("wrap")

    def draw(
        text: str, writer: float, writers: str, truncation: float, wrap: float
    ) -> drawing.Drawing:
        return drawing.write(
            sampler,
            folders.new(),
            text,
            writer=writer,
            writers=writers,
            truncation=fields.limit(sampler, truncation),
            wrap=int(wrap) or None,
        )

    triggers = [button.click, text.submit, writer.change, writers.change]
    triggers += [truncation.release, wrap.release, shown]
    _on(triggers, draw, [text, writer, writers, truncation, wrap], outputs)


def _draw_tab(shown: Any, sampler: Sampler, folders: Folders, limit: float | None) -> None:
    import gradio as gr

    most = drawing.most_images(sampler)
    name = fields.class_field(sampler, "class")
    button = gr.Button("Draw", variant="primary", elem_id="draw")
    outputs = fields.outputs("samples", ("png", "npz"))
    with gr.Row():
        with gr.Column():
            seed = fields.seed_field("Seed", "seed", another="Another seed")
        with gr.Column():
            count = gr.Slider(1, most, most // 4, step=1, label="How many", elem_id="count")
        with gr.Column():
            truncation = fields.truncation_slider(sampler, "truncation", limit)

    def draw(name: str, seed: float, count: float, truncation: float) -> drawing.Drawing:
        return drawing.draw_grid(
            sampler,
            folders.new(),
            fields.chosen_class(name),
            seed=seed,
            count=int(count),
            truncation=fields.limit(sampler, truncation),
        )

    triggers = [button.click, name.change, seed.change, count.release, truncation.release]
    _on([*triggers, shown], draw, [name, seed, count, truncation], outputs)


def _morph_tab(shown: Any, sampler: Sampler, folders: Folders, limit: float | None) -> None:
    import gradio as gr

    characters = sampler.of_characters
    triggers = [shown]
    what: gr.Textbox | gr.Dropdown
    if characters:
        text = drawing.first_text(sampler)
        what = gr.Textbox(text, label="Text", lines=2, max_lines=12, elem_id="morph-text")
        triggers.append(what.submit)
        noun = "writer"
    else:
        what = fields.class_field(sampler, "morph-class")
        noun = "seed"
    button = gr.Button("Morph", variant="primary", elem_id="morph")
    outputs = fields.outputs("morphed", ("gif", "png", "npz"))
    with gr.Row():
        first = fields.seed_field(f"First {noun}", "morph-first", value=1)
        second = fields.seed_field(f"Second {noun}", "morph-second", value=2)
        frames = gr.Slider(
            2, drawing.MOST_FRAMES, 12, step=1, label="Frames", elem_id="morph-frames"
        )
        truncation = fields.truncation_slider(sampler, "morph-truncation", limit)

    def draw(
        what: str, first: float, second: float, frames: float, truncation: float
    ) -> drawing.Drawing:
        options: dict[str, Any] = {
            "first": first,
            "second": second,
            "frames": int(frames),
            "truncation": fields.limit(sampler, truncation),
        }
        if characters:
            return drawing.morph_text(sampler, folders.new(), what, wrap=fields.WRAP, **options)
        return drawing.morph_images(sampler, folders.new(), fields.chosen_class(what), **options)

    _on([button.click, *triggers], draw, [what, first, second, frames, truncation], outputs)


def _on(
    triggers: Sequence[Any],
    draw: Callable[..., drawing.Drawing],
    inputs: list[Any],
    outputs: list[Any],
) -> None:
    """Draw on each of the events, one drawing at a time over all visitors."""
    import gradio as gr

    gr.on(
        triggers,
        functools.partial(_answer, draw, len(outputs) // 2),
        inputs,
        outputs,
        trigger_mode="always_last",
        concurrency_limit=1,
        concurrency_id="drawing",
        api_visibility="private",
    )


def _answer(draw: Callable[..., drawing.Drawing], kinds: int, *values: Any) -> list[Any]:
    """Return the outputs of a tab: a drawing and its files, or an error message."""
    import gradio as gr

    try:
        made = draw(*values)
    except UserError as error:
        text = f'<p class="message" role="alert">{html.escape(message(error))}</p>'
        off = gr.DownloadButton(value=None, interactive=False)
        return [gr.HTML(text, visible=True), *[None] * (kinds - 1), *[off] * kinds]
    files = [str(file) for file in dict.fromkeys((made.shown, made.png, made.npz))]
    buttons = [gr.DownloadButton(value=file, interactive=True) for file in files]
    return [gr.HTML("", visible=False), *files[:-1], *buttons]
