"""`python -m lsgan_tf plan-hardware`, by the name that it has in a clone."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # from any folder, not installed

from lsgan_tf.cli.app import run
from lsgan_tf.commands import plan_hardware

if __name__ == "__main__":
    run(plan_hardware.main, usage=plan_hardware.__doc__)
