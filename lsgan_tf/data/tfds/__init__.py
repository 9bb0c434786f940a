"""Image datasets of tensorflow-datasets, by their names there."""
