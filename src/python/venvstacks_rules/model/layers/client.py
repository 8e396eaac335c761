"""The client as an application layer: what it is started with, and what it needs."""

from __future__ import annotations

CLIENT_MODULE = "venvstacks_rules.client"
"""The package that is started as ``python -m``; the plugin has its sources."""
CLIENT_SCRIPTS = {"venvstacks-deploy": f"{CLIENT_MODULE}.cli:main"}
"""The commands that a layer with the client has in any case."""
CLIENT_REQUIREMENTS = ("zstandard>=0.23; python_version < '3.14'",)
"""As the extra ``client`` in ``pyproject.toml``; newer Pythons have Zstandard themselves."""
