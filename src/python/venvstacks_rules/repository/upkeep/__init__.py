"""What ``venvstacks-repository`` does. See docs/reference/repository-commands.md."""
