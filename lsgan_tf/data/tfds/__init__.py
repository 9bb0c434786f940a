"""Image datasets of tensorflow-datasets."""
