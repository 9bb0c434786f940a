"""`python -m lsgan_tf human-study`, by the name that it has in a clone."""

from lsgan_tf.cli.app import run
from lsgan_tf.commands import human_study

if __name__ == "__main__":
    run(human_study.main, usage=human_study.__doc__)
