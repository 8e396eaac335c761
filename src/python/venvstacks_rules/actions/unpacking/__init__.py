"""Unpacks layer archives, and refuses hostile ones."""
