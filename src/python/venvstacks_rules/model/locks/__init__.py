"""Lockfiles: their content, whether they are fresh, and the wheels for a platform."""
