"""Monitoring of training: logs, sample grids, evaluation and collapse detection."""
