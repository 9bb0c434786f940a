"""Measures of samples: one module per measure; `registry` lists them, `suite` runs them."""
