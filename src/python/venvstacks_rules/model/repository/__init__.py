"""The format of a repository: where layers are published. See docs/reference/repository.md."""
