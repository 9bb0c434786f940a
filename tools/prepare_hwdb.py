"""`python -m lsgan_tf prepare-hwdb`, by the name that it has in a clone."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from any folder, not installed

from lsgan_tf.cli.app import run
from lsgan_tf.commands import prepare_hwdb

if __name__ == "__main__":
    run(prepare_hwdb.main, usage=prepare_hwdb.__doc__)
