"""What TensorBoard shows of a run beside its curves and pictures."""
