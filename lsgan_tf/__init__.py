"""Least Squares Generative Adversarial Networks on TensorFlow 2 and Keras 3."""
