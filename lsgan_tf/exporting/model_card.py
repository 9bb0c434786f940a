"""Model card of an export: training data, steps, quality, licence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lsgan_tf.config import Config
from lsgan_tf.evaluation.history import best_of, evaluations, is_compared, metrics_of, plain_name
from lsgan_tf.exporting.hub_metadata import front_matter
from lsgan_tf.exporting.sample_images import FILE_NAMES as IMAGES
from lsgan_tf.exporting.shipped import without_paths
from lsgan_tf.util.files import atomic_file, explained

FILE_NAME = "README.md"
FORMER_NAME = "MODEL.md"
"""Name of the card in exports of version 0.1.0."""
_TITLE = "# Model card"

_LICENCES = {
    "hwdb": (
        "CASIA-HWDB1.0 (Liu et al., ICDAR 2011): free for academic research under a signed "
        "application to CASIA; it may not be redistributed, and commercial use needs CASIA's "
        "consent. Whether that binds a model trained on it, ask CASIA before you publish one."
    ),
    "cifar10": (
        "CIFAR-10 (Krizhevsky, 2009): its page names no licence and asks to cite the technical "
        "report; the images come from the web and belong to their owners."
    ),
    "lsun": (
        "LSUN (Yu et al., 2015): its page names no licence; the images come from the web and "
        "belong to their owners."
    ),
    "images": "your own images; their licence is not known to this program.",
    "tfds": "see the dataset's page in tensorflow-datasets' catalogue.",
    "digits": "images drawn by a program; no licence applies.",
    "mixture": "points drawn by a program; no licence applies.",
}
_STANDIN = (
    "drawn from stroke data of hanzi-writer-data, which derives from fonts of Arphic Technology "
    "under the Arphic Public License."
)


class Form(NamedTuple):
    """A file of the generator, in addition to the SavedModel.

    Attributes:
      file: name of the file.
      kind: its format, such as "Keras".
      weights: "raw" (of the last step) or "ema".
      size: size in bytes.
      milliseconds: time per image on one thread; None if not measured.
      largest: largest absolute difference of a pixel from the SavedModel's images, in grey
        levels of 255, or of a point, in its units; None if not measured.
      mean: mean absolute difference, in the same unit; None if not measured.
    """

    file: str
    kind: str
    weights: str
    size: int
    milliseconds: float | None = None
    largest: float | None = None
    mean: float | None = None


def write_card(
    folder: Path,
    config: Config,
    classes: Sequence[str],
    step: int,
    run_dir: Path | None = None,
    forms: Sequence[Form] = (),
    machine: str = "",
) -> None:
    """Write the card to a SavedModel's folder, atomically; an existing card is replaced.

    Args:
      folder: the SavedModel's folder.
      config: as in `card`.
      classes: as in `card`.
      step: as in `card`.
      run_dir: the run whose metrics are included; None for no metrics.
      forms: as in `card`.
      machine: as in `card`.

    Raises:
      UserError: if it cannot be written.
    """
    path = Path(folder) / FILE_NAME
    measured = evaluations(Path(run_dir)) if run_dir else ()
    images = [name for name in IMAGES.values() if (Path(folder) / name).is_file()]
    text = card(config, classes, step, measured, forms, machine, images)
    with explained(path, "writing the model card"):
        with atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
        _remove_former(Path(folder) / FORMER_NAME)


def _remove_former(path: Path) -> None:
    """Remove a card of version 0.1.0."""
    if path.is_file() and _TITLE in path.read_text(encoding="utf-8", errors="replace")[:200]:
        path.unlink()


def licence_of(config: Config) -> str:
    """Describe the licence of the data in one or two sentences."""
    return _STANDIN if config.data_standin else _LICENCES[config.dataset]


def card(
    config: Config,
    classes: Sequence[str],
    step: int,
    measured: Sequence[Mapping[str, Any]] = (),
    forms: Sequence[Form] = (),
    machine: str = "",
    images: Sequence[str] = (),
) -> str:
    """Format the card as Markdown.

    Args:
      config: config of the run, with the dataset's metadata.
      classes: names of the classes in label order.
      step: number of training steps.
      measured: evaluations of the run (`lsgan_tf.evaluation.history.evaluations`); those of
        later steps are ignored.
      forms: other files of the generator.
      machine: processor on which their times were measured.
      images: names of the sample images in the card's folder.
    """
    given = "given a class, " if config.conditional else ""
    noise = "uniform on -1 to 1" if config.z_distribution == "uniform" else "standard normal"
    data = without_paths(config.data_description, config) or config.dataset
    lines = [
        *front_matter(config),
        "",
        f"{_TITLE}: {_thing(config)}",
        "",
        f"A generator of {_thing(config)}: {given}it makes one from noise. Trained by lsgan_tf as "
        f"one half of a generative adversarial network (`{config.loss}`, network "
        f"`{config.network}`).",
        "",
        "| | |",
        "|---|---|",
        f"| data | {_cell(data)} |",
        f"| real or stand-in | {_real(config)} |",
        f"| licence of the data | {licence_of(config)} |",
        f"| steps trained | {step:,} of {config.steps:,}, {config.batch_size:,} examples each |",
        f"| output | {_shape(config)} |",
        f"| noise | {config.z_dim:,} numbers, {noise} |",
    ]
    if config.conditional:
        lines.append(f"| classes | {len(classes):,}, in `classes.txt` |")
    lines += _samples(images, step, config)
    lines += ["", "## Use", "", *_use(config, classes)]
    lines += ["", "## Weights", "", *_weights(config), *_forms(forms, machine, config)]
    lines += ["", "## Metrics", "", *_quality(step, measured), "", "## Limits", ""]
    lines += [
        "The samples resemble the training data, and may repeat training examples: compare with "
        "`python -m lsgan_tf.sample --show=neighbours`. They are not a person's handwriting or "
        "photographs of a place.",
        "",
    ]
    return "\n".join(lines)


def _samples(images: Sequence[str], step: int, config: Config) -> list[str]:
    if not images:
        return []
    laid_out = "; a row is a class, a column shares its noise" if config.conditional else ""
    lines = ["", "## Samples", "", f"Drawn at step {step:,}, without selection{laid_out}."]
    for name in images:
        what = "the raw weights" if "-raw" in name else "the generator"
        lines += ["", f"![samples of {what}]({name})"]
    return lines


def _use(config: Config, classes: Sequence[str]) -> list[str]:
    """Example code, which requires only TensorFlow."""
    name, words = "sample", "count=tf.constant(16), seed=tf.constant(0)"
    if config.conditional and classes and all(len(each) == 1 for each in classes):
        text = json.dumps("".join(classes[:4]), ensure_ascii=False)
        name, words = "write", f"text=tf.constant({text}), seed=tf.constant(0)"
    elif config.conditional:
        words += ", label=tf.constant(0)"
    return [
        "```python",
        "import tensorflow as tf",
        "",
        'model = tf.saved_model.load("FOLDER")  # the folder of saved_model.pb',
        f'images = model.signatures["{name}"]({words})["images"]',
        "```",
    ]


def _weights(config: Config) -> list[str]:
    if not config.ema_decay:
        return [
            "The SavedModel contains the generator's weights of the last step, and no EMA weights "
            "(`--ema_decay=0`)."
        ]
    names = "`serving_raw` and `sample_raw`"
    if config.conditional:
        names = "`serving_raw`, `sample_raw` and `write_raw`"
    return [
        "The SavedModel's signatures use an exponential moving average (EMA) of the generator's "
        f"weights (`--ema_decay={config.ema_decay:g}`). {names} use the weights of the "
        "last step."
    ]


def _forms(forms: Sequence[Form], machine: str, config: Config) -> list[str]:
    """Table of other files of the generator."""
    if not forms:
        return []
    unit = "grey levels of 255" if len(config.data_shape) == 3 else "the points' units"
    lines = [
        "",
        "Files of the generator alone, from the same checkpoint:",
        "",
        "| file | for | weights | size | one image | maximum difference | mean difference |",
        "|---|---|---|---|---|---|---|",
    ]
    for form in forms:
        weights = "EMA" if form.weights == "ema" else "raw"
        measured = ["-", "-", "-"]
        if form.milliseconds is not None:
            measured = [f"{form.milliseconds:.3g} ms", f"{form.largest:.3g}", f"{form.mean:.2g}"]
        size = f"{form.size / 1e6:,.2f} MB"
        cells = (f"`{_cell(form.file)}`", form.kind, weights, size, *measured)
        lines.append(f"| {' | '.join(cells)} |")
    if any(form.milliseconds is not None for form in forms):
        lines += [
            "",
            f"Times are medians of 32 single images on one thread of {machine}. "
            f"Differences are from the SavedModel's images of the same noise, in {unit}.",
        ]
    return lines


def _quality(step: int, evaluations: Sequence[Mapping[str, Any]]) -> list[str]:
    seen = [row for row in evaluations if isinstance(row.get("step"), int) and row["step"] <= step]
    if not seen:
        return ["Not evaluated."]
    last = seen[-1]
    lines = [
        f"At step {last['step']:,}:",
        "",
        "| metric | value | real examples | best of the run |",
        "|---|---|---|---|",
    ]
    of_real = last.get("real")
    real = metrics_of(of_real) if isinstance(of_real, dict) else {}
    for name, value in metrics_of(last).items():
        best = best_of(seen, name) if is_compared(name) else None
        top = f"{best.value:.4g} at step {best.step:,}" if best else "-"
        beside = f"{real[plain_name(name)]:.4g}" if plain_name(name) in real else "-"
        lines.append(f"| {_cell(name)} | {value:.4g} | {beside} | {top} |")
    return lines


def _thing(config: Config) -> str:
    if config.data_standin:
        return "drawn characters that imitate handwriting"
    names = {
        "hwdb": "handwritten Chinese characters",
        "cifar10": "small colour images of ten classes",
        "lsun": f"scenes ({config.category})",
        "images": "images",
        "tfds": f"images ({config.tfds_name})",
        "digits": "printed digits",
        "mixture": "points of a mixture of Gaussians",
    }
    return names[config.dataset]


def _real(config: Config) -> str:
    if config.data_standin:
        return (
            "**stand-in**: characters drawn by a program, not handwriting. Metrics on it say "
            "nothing about HWDB"
        )
    return "drawn by a program" if config.dataset in ("digits", "mixture") else "real"


def _shape(config: Config) -> str:
    if len(config.data_shape) != 3:
        return f"points of {config.data_shape[0]} coordinates"
    height, width, channels = config.data_shape
    return f"{height}x{width} pixels, {'grey' if channels == 1 else 'colour'}"


def _cell(text: str) -> str:
    """Escape a text for a table cell."""
    return " ".join(text.split()).replace("|", "\\|")
