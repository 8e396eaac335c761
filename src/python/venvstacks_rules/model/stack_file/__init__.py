"""The stack file, ``venvstacks.toml``: how it is read, and what is wrong with it."""
