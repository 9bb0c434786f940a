"""`python -m lsgan_tf reproduce`, by the name that it has in a clone."""

from lsgan_tf.cli.app import run
from lsgan_tf.commands import reproduce

if __name__ == "__main__":
    run(reproduce.main, usage=reproduce.__doc__)
