"""Encoded images: folders, prepared shards, decoding."""
