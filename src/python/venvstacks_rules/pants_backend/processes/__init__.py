"""Actions as processes of Pants: their sources, their settings, their results."""
