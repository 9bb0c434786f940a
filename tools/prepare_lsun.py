"""`python -m lsgan_tf prepare-lsun`, by the name that it has in a clone."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from any folder, not installed

from lsgan_tf.cli.app import run
from lsgan_tf.commands import prepare_lsun

if __name__ == "__main__":
    run(prepare_lsun.main, usage=prepare_lsun.__doc__)
