"""Container images: the documents of OCI, and how a base is read."""
