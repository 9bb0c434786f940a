"""Synthetic data: the mixture, digits, the handwriting stand-in."""
