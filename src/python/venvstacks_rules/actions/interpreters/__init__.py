"""Interpreters: found, captured, pinned, and unpacked from archives."""
