"""Measurements of this tool beside its peer."""
