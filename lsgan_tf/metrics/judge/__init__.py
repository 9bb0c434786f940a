"""The judge: a classifier of real images that evaluates samples."""
