"""The demo's web page: writing, morphing and drawing with a generator (`lsgan_tf.demo`)."""
