"""What the fields of `Config` are made of."""
