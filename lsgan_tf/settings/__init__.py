"""Fields of `Config`: metadata, defaults, checks and formatting."""
