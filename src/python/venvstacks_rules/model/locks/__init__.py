"""Lockfiles: their content, whether they are fresh, and the wheels that they choose."""
