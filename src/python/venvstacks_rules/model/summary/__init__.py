"""Summaries of stacks: as JSON, as text, as a page."""
