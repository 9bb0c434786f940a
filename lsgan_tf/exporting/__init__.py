"""Export of trained generators: SavedModel, Keras, TensorFlow Lite, TensorFlow Serving."""
