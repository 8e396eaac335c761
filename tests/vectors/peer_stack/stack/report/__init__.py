"""A table of few things."""
