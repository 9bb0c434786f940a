"""Datasets: one module per source, one pipeline that orders, cuts and resumes for all of them."""
