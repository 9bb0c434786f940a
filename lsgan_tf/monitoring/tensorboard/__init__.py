"""TensorBoard views of a run other than curves and images."""
