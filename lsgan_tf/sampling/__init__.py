"""Sampling from trained generators, and image files of samples."""
