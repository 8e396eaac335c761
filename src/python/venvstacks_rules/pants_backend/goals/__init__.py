"""The goals that layers take part in."""
