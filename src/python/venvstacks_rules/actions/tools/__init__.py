"""The environment of the actions themselves, made by the standard library alone."""
