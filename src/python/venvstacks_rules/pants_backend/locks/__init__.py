"""Lockfiles: reading, judging and making them."""
