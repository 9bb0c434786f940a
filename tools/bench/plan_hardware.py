"""`python -m lsgan_tf plan-hardware`, by the name that it has in a clone."""

from lsgan_tf.cli.app import run
from lsgan_tf.commands import plan_hardware

if __name__ == "__main__":
    run(plan_hardware.main, usage=plan_hardware.__doc__)
