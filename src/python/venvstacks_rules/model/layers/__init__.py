"""Layers: from a user's definitions to layers that can be locked and built."""
