"""Stores: one module for each kind of repository."""
