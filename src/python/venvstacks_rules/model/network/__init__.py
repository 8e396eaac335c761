"""URLs, package indexes, and which servers may see which credentials."""
