"""The hermetic commands that build layers; they know nothing of Pants."""
