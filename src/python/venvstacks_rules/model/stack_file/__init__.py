"""The stack file, ``venvstacks.toml``: reading and checking it."""
