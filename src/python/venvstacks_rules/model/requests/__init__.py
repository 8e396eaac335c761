"""The requests and results of the actions: what crosses between a build and its tools.

Each is a frozen dataclass that :mod:`~venvstacks_rules.model.json_codec` writes as one JSON object.
Paths in a request are relative to the working directory unless they say otherwise; paths inside
archives are relative to their root.
"""
