"""Writes the SavedModel of a run's newest checkpoint, and the generator in other forms.

    python -m lsgan_tf.export --run_dir=runs/00000-hwdb-conditional-lsgan
    python -m lsgan_tf.export --run_dir=R --tflite=g.tflite --quantize=float16
    python -m lsgan_tf.export --run_dir=R --serving=models/lsgan

A model card, MODEL.md, is written beside it: data, steps, measured quality, licence.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from lsgan_tf.binary import import_tensorflow, run
from lsgan_tf.errors import UserError

if TYPE_CHECKING:
    import keras

    from lsgan_tf.config import Config

_RUN_DIR = flags.DEFINE_string("run_dir", None, "folder of the run")
_STEP = flags.DEFINE_integer(
    "step", None, "checkpoint to export, a step, at least 0 (default: the newest)", lower_bound=0
)
_OUT = flags.DEFINE_string("out", None, "folder to write (default: export/ in the run's folder)")
_KERAS = flags.DEFINE_string("keras", None, "also write G as a Keras file, FILE.keras")
_TFLITE = flags.DEFINE_string("tflite", None, "also write G for TensorFlow Lite, FILE.tflite")
_QUANTIZE = flags.DEFINE_enum(
    "quantize", "none", ("none", "float16"), "tflite: keep weights as float16, half the size"
)
_SERVING = flags.DEFINE_string(
    "serving", None, "also write FOLDER/STEP for TensorFlow Serving, with warm-up requests"
)
_SERVING_NAME = flags.DEFINE_string("serving_name", "lsgan", "serving: the model's name")


def main(argv: list[str]) -> None:
    """The export command."""
    if len(argv) > 1:
        raise UserError(f"{argv[1]}: expected flags only (--name=value); see --help")
    if not _RUN_DIR.value:
        raise UserError("--run_dir: expected the folder of a run")
    run_dir = Path(_RUN_DIR.value)
    path = Path(_OUT.value) if _OUT.value else run_dir / "export"
    # What stands there is replaced: it must be a SavedModel or empty.
    replaceable = (path / "saved_model.pb").exists() or (path.is_dir() and not any(path.iterdir()))
    if path.exists() and not replaceable:
        raise UserError(f"--out={path}: exists and is no SavedModel; give another folder")
    for flag in (_KERAS, _TFLITE):
        if flag.value and Path(flag.value).suffix != f".{flag.name}":
            raise UserError(f"--{flag.name}={flag.value}: expected a file's name in .{flag.name}")
    if _QUANTIZE.value != "none" and not _TFLITE.value:
        raise UserError("--quantize: is for TensorFlow Lite alone; give --tflite=FILE.tflite too")
    import_tensorflow()
    from lsgan_tf.restoring import restore_run
    from lsgan_tf.run_folder import tidied
    from lsgan_tf.savedmodel import float32_networks, write_saved_model

    config, gan, classes, step = restore_run(run_dir, _STEP.value)
    with tidied(run_dir):
        write_saved_model(path, config, gan, classes, step, run_dir=run_dir)
    print(f"SavedModel of step {step:,} in {path}")
    if _SERVING.value:
        from lsgan_tf.serving import write_serving

        found = write_serving(
            path,
            Path(_SERVING.value),
            name=_SERVING_NAME.value,
            version=step,
            z_dim=config.z_dim,
            classes=list(classes) if config.conditional else [],
        )
        print(f"for TensorFlow Serving in {found}")
    if _KERAS.value or _TFLITE.value:
        _write_generator(config, float32_networks(config, gan)[0])


def _write_generator(config: Config, generator: keras.Model) -> None:
    """G alone, as files."""
    from lsgan_tf.files import atomic_file, explained

    if _KERAS.value:
        path = Path(_KERAS.value)
        with explained(path, "writing a Keras file"), atomic_file(path) as temporary:
            # Keras wants the suffix, which a temporary name does not have.
            named = temporary.with_suffix(".keras")
            try:
                generator.save(named)
                named.replace(temporary)
            finally:
                named.unlink(missing_ok=True)
        print(f"Keras file in {path}, {path.stat().st_size / 1e6:.1f} MB")
    if _TFLITE.value:
        from lsgan_tf.tflite import write_tflite

        path = Path(_TFLITE.value)
        written = write_tflite(path, config, generator, float16=_QUANTIZE.value == "float16")
        unit = "" if generator.output_range is None else " grey levels of 255"
        print(
            f"TensorFlow Lite file in {path}, {written.size / 1e6:.1f} MB; its images differ by "
            f"{written.mean:.3g} on average and {written.largest:.3g} at most{unit}"
        )


if __name__ == "__main__":
    run(main, usage=__doc__)
