"""Evaluation of generators, and the history of a run's evaluations."""
