"""The requests and results of the actions, which a build and its tools exchange.

Each is a frozen dataclass that :mod:`~venvstacks_rules.model.json_codec` writes as one JSON object.
Paths in a request are relative to the working directory unless they say otherwise; paths inside
archives are relative to their root.
"""
