"""Checks of datasets, one module per kind."""
