"""`python -m lsgan_tf prepare-hwdb`, by the name that it has in a clone."""

from lsgan_tf.cli.app import run
from lsgan_tf.commands import prepare_hwdb

if __name__ == "__main__":
    run(prepare_hwdb.main, usage=prepare_hwdb.__doc__)
