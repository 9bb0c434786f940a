"""What knows nothing of GANs: files, text, signals, TensorFlow's set-up, child processes."""
