"""Samples of a trained generator, and their images."""
