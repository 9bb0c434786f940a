"""The Inception network of the usual metrics."""
