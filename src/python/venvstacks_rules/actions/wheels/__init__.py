"""Wheels: checks, and their files as they lie in a layer."""
