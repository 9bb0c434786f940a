"""HWDB: handwritten Chinese characters."""
