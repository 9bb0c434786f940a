"""Run folders: logs, checkpoints, restoring a model, and status."""
