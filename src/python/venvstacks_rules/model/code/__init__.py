"""First-party code: the modules of a layer that come from the repository, and what they import."""
