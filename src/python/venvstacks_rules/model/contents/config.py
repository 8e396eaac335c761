"""The deployed layer config, ``share/venv/metadata/venvstacks_layer.json``."""

from __future__ import annotations

from venvstacks_rules.model.json_codec import published_json
from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class LayerConfig:
    """The configuration of a deployed layer.

    Paths are relative to the layer's folder, with forward slashes; other layers are peers,
    ``../<install_target>/...``.
    """

    python: str
    """The interpreter that starts modules of this layer."""
    py_version: str
    """X.Y.Z of the runtime."""
    base_python: str
    """The runtime's interpreter; equal to `python` in a runtime."""
    site_dir: str
    """The layer's own site-packages."""
    pylib_dirs: tuple[str, ...] = ()
    """The site-packages of the lower layers, in import order, the runtime's last."""
    dynlib_dirs: tuple[str, ...] = ()
    """The shared library folders of the lower layers, in import order; they may not exist."""
    launch_module: str | None = None
    """The module that starts an application, with ``python -m``."""
    console_scripts: tuple[tuple[str, str], ...] = ()
    """Commands that post-installation makes programs of: name and ``MODULE:FUNCTION``."""

    def to_json(self) -> str:
        """The file's text; the same values give the same bytes."""
        data: dict[str, object] = {
            "python": self.python,
            "py_version": self.py_version,
            "base_python": self.base_python,
            "site_dir": self.site_dir,
            "pylib_dirs": list(self.pylib_dirs),
            "dynlib_dirs": list(self.dynlib_dirs),
        }
        if self.launch_module is not None:
            data["launch_module"] = self.launch_module
        if self.console_scripts:
            data["console_scripts"] = dict(self.console_scripts)
        return published_json(data)
