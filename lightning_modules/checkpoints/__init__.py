"""Checkpoints: written durably, read without trust, averaged, begun from, and compared with the data."""
