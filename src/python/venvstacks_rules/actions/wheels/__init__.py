"""Wheels: what is wrong with them, and their files as they lie in a layer."""
