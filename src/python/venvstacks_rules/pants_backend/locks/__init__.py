"""Lockfiles: read and judged, or made anew."""
