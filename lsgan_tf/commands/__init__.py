"""The commands that have no module of their own at the top: `python -m lsgan_tf NAME`."""
