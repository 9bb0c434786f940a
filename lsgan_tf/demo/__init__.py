"""Web page to write, draw and morph with a generator: `python -m lsgan_tf.demo`."""
