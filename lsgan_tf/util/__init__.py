"""Utilities independent of GANs: files, text, signals, processes, TensorFlow's set-up."""
