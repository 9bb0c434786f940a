"""Exports a checkpoint of a run as a SavedModel, and optionally in other formats.

    python -m lsgan_tf.export --run_dir=runs/quick
    python -m lsgan_tf.export --run_dir=R --tflite=g.tflite --quantize=float16
    python -m lsgan_tf.export --run_dir=R --serving=models/lsgan

The SavedModel contains a model card, README.md: data, steps, metrics, licence, and the other
files exported from the same checkpoint.
"""

from __future__ import annotations

from absl import flags

from lsgan_tf.cli.app import flags_only, refuse_given, run
from lsgan_tf.cli.flags import PATH
from lsgan_tf.errors import UserError
from lsgan_tf.util.files import require_writable
from lsgan_tf.util.tensorflow_setup import import_tensorflow

_RUN_DIR = flags.DEFINE(PATH, "run_dir", None, "folder of the run")
_STEP = flags.DEFINE_integer(
    "step", None, "step of the checkpoint to export (default: the newest)", lower_bound=0
)
_OUT = flags.DEFINE(PATH, "out", None, "folder to write (default: export/ in the run's folder)")
_KERAS = flags.DEFINE(
    PATH,
    "keras",
    None,
    "also write G as a Keras file, FILE.keras, and for a run with EMA weights FILE-raw.keras",
)
_TFLITE = flags.DEFINE(
    PATH,
    "tflite",
    None,
    "also write G for TensorFlow Lite, FILE.tflite, and measure its speed and error; for a run "
    "with EMA weights also FILE-raw.tflite",
)
_QUANTIZE = flags.DEFINE_enum(
    "quantize", "none", ("none", "float16"), "tflite: store weights as float16, half the size"
)
_SERVING = flags.DEFINE(
    PATH, "serving", None, "also write FOLDER/STEP for TensorFlow Serving, with warm-up requests"
)
_SERVING_NAME = flags.DEFINE_string("serving_name", "lsgan", "serving: name of the model")


def main(argv: list[str]) -> None:
    """Run the export command."""
    flags_only(argv)
    if not _RUN_DIR.value:
        raise UserError("--run_dir: expected the folder of a run")
    run_dir = _RUN_DIR.value
    path = _OUT.value or run_dir / "export"
    # Only a SavedModel or an empty folder is replaced.
    replaceable = (path / "saved_model.pb").exists() or (path.is_dir() and not any(path.iterdir()))
    if path.exists() and not replaceable:
        raise UserError(f"--out={path}: exists and is not a SavedModel; give another folder")
    for flag in (_KERAS, _TFLITE):
        if flag.value and flag.value.suffix != f".{flag.name}":
            raise UserError(
                f"--{flag.name}={flag.value}: expected a file name ending in .{flag.name}"
            )
        if flag.value:
            require_writable(flag.value, f"writing --{flag.name}")
    if _QUANTIZE.value != "none" and not _TFLITE.value:
        raise UserError("--quantize: only for TensorFlow Lite; give --tflite=FILE.tflite too")
    if not _SERVING.value:
        refuse_given(["serving_name"], "requires --serving=FOLDER; give that too, or omit it")
    elif _SERVING.value.resolve().is_relative_to(path.resolve()):
        raise UserError(
            f"--serving={_SERVING.value}: is in the SavedModel's folder, {path}, which each export "
            "replaces; give another folder"
        )
    from lsgan_tf.run_dir.checkpoints import of_run
    from lsgan_tf.run_dir.folder import load_config, tidied

    load_config(run_dir)
    of_run(run_dir, best=_STEP.value is not None)
    import_tensorflow()
    from lsgan_tf.exporting.model_card import write_card
    from lsgan_tf.exporting.savedmodel import write_saved_model
    from lsgan_tf.run_dir.restore import restore_run
    from lsgan_tf.util import cpu

    config, gan, classes, step = restore_run(run_dir, _STEP.value, log=print)
    with tidied(run_dir):
        write_saved_model(path, config, gan, classes, step, run_dir=run_dir)
    print(f"SavedModel of step {step:,} in {path}")
    if _KERAS.value or _TFLITE.value:
        from lsgan_tf.exporting.generator_files import write_generator_files

        forms = write_generator_files(
            path,
            config,
            gan,
            keras_path=_KERAS.value,
            tflite_path=_TFLITE.value,
            float16=_QUANTIZE.value == "float16",
        )
        write_card(path, config, classes, step, run_dir, forms, cpu.name())
    if _SERVING.value:
        from lsgan_tf.exporting.serving import write_serving

        found = write_serving(
            path,
            _SERVING.value,
            name=_SERVING_NAME.value,
            version=step,
            z_dim=config.z_dim,
            classes=list(classes) if config.conditional else [],
        )
        print(f"for TensorFlow Serving in {found}")


if __name__ == "__main__":
    run(main, usage=__doc__)
