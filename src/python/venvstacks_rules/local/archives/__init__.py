"""Reads archives of strangers."""
