"""LSUN: scenes and objects."""
