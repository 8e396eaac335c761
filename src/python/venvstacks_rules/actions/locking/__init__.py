"""Locking: what ``uv`` is asked, and the files of a lock."""
