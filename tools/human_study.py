"""`python -m lsgan_tf human-study`, by the name that it has in a clone."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from any folder, not installed

from lsgan_tf.cli.app import run
from lsgan_tf.commands import human_study

if __name__ == "__main__":
    run(human_study.main, usage=human_study.__doc__)
