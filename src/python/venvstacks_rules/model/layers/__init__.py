"""Layers: from what a user wrote down to what can be locked and built."""
