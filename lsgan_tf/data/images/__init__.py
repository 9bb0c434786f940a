"""Encoded pictures: folders, prepared shards, decoding."""
