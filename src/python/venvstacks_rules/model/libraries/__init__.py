"""Shared libraries: those that binaries need, that layers offer, and that are missing."""
