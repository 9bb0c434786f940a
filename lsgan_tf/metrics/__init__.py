"""Measures of samples: one module per measure."""
