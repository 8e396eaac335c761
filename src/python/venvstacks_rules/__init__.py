"""Layered Python environments as Pants targets."""
