"""Convolution kernels and synchronised normalisation."""
