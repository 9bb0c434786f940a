"""The classifier that judges labelled samples."""
