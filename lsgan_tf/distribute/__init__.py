"""Devices, multi-worker training, and multi-step calls."""
