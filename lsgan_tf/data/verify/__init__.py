"""Verification of datasets, one module per kind."""
