"""Streams of bytes, and lock files."""
