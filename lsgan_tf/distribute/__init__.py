"""Devices, workers, and many steps in one call."""
