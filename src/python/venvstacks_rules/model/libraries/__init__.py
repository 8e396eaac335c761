"""Shared libraries: what binaries need, what layers offer, what is missing."""
