"""Repositories: layers are published there, read from there, and tidied there."""
