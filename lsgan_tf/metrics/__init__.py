"""Measures of samples: one module per measure; `names` lists them, `suite` runs them."""
