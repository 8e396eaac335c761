"""Images of registries: fetched by their digests, pushed with what is missing."""
