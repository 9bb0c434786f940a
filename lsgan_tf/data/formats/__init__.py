"""File formats; nothing here knows a dataset."""
