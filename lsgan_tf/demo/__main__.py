"""Serves a web page for a generator: write text, interpolate, draw samples, download.

    python -m lsgan_tf.demo
    python -m lsgan_tf.demo --run_dir=runs/quick
    python -m lsgan_tf.demo --saved_model=runs/quick/export --port=8000

The page is at http://127.0.0.1:7860, accessible from this machine only unless --host is set.
Generators of characters write text; others draw a grid of samples of a class. Without --run_dir
and --saved_model, the generator that comes with the package is used. No telemetry, no public
link. Requires an extra: pip install 'lsgan_tf[demo]'. Ctrl-C ends it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from absl import flags

from lsgan_tf.cli.app import flags_only, run
from lsgan_tf.cli.flags import PATH, generator_named_by
from lsgan_tf.util.tensorflow_setup import import_tensorflow

_RUN_DIR = flags.DEFINE(PATH, "run_dir", None, "folder of a run")
_SAVED_MODEL = flags.DEFINE(PATH, "saved_model", None, "a SavedModel instead of a run")
flags.DEFINE_alias("model", "saved_model")
_PRETRAINED = flags.DEFINE_bool(
    "pretrained",
    None,
    "use the generator that comes with the package (the default without --run_dir and "
    "--saved_model)",
)
_WEIGHTS = flags.DEFINE_enum(
    "weights",
    None,
    ("ema", "raw"),
    "weights of the generator: ema (exponential moving average) or raw (last step); default: ema "
    "if the run has them",
)
_HOST = flags.DEFINE_string(
    "host",
    "127.0.0.1",
    "address to listen on; 0.0.0.0 makes the page accessible to the whole network, without a "
    "password",
)
_PORT = flags.DEFINE_integer(
    "port", 7860, "port to listen on, 0 to 65,535; 0: any free port", 0, 65_535
)


def main(argv: list[str]) -> None:
    """Run the demo command."""
    flags_only(argv)
    generator_named_by(_RUN_DIR, _SAVED_MODEL, _PRETRAINED)
    from lsgan_tf.demo import server

    server.require_gradio()
    with (
        server.listen(_HOST.value, _PORT.value) as listening,
        tempfile.TemporaryDirectory(prefix="lsgan_tf-demo-") as name,
    ):
        root = Path(name)
        server.prepare_environment(root / "cache")
        import_tensorflow()
        from lsgan_tf.demo.page import CSS, build
        from lsgan_tf.exporting.opening import open_generator

        sampler, truncation = open_generator(_SAVED_MODEL.value, _RUN_DIR.value, _WEIGHTS.value)
        page = build(sampler, server.Folders(root), truncation)
        place = server.address(_HOST.value, listening)
        print(f"open {place} in a browser; Ctrl-C ends the demo", flush=True)
        server.serve(page, listening, root, CSS)


if __name__ == "__main__":
    run(main, usage=__doc__)
