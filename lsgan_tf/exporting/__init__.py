"""A trained generator for use elsewhere."""
