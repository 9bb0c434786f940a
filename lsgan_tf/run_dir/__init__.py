"""The run folder: written, restored from, read."""
