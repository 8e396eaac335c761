"""What this plugin calls itself in files that others read."""

NAME = "venvstacks-rules"
VERSION = "0.1.0"
"""As in ``pyproject.toml``."""
