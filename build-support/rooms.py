"""The rooms of the house: the folders of each part, and which room may import which.

    pants_backend  ->  model  <-  local  <-  repository  <-  actions, client

A room names those below it that it may import, and stands behind them in the table. Modules in a
part's own folder are its ground, which all rooms of the part may import and which imports none, or
its roof (`ROOFS`), which may import all rooms and which none imports.
"""

from __future__ import annotations

HOUSE: dict[str, dict[str, str]] = {
    "model": {
        "network": "",
        "platforms": "",
        "layers": "network platforms",
        "code": "platforms layers",
        "stack_file": "platforms layers",
        "locks": "network platforms layers",
        "contents": "platforms layers",
        "libraries": "platforms layers contents",
        "outputs": "layers libraries",
        "repository": "contents",
        "publishing": "",
        "images": "platforms",
        "documents": "network platforms layers locks contents outputs",
        "requests": "platforms layers locks contents libraries publishing",
        "summary": "platforms layers locks contents",
        "advice": "layers locks contents libraries",
    },
    "local": {
        "files": "",
        "archives": "files",
        "layers": "",
        "web": "",
    },
    "repository": {
        "stores": "",
        "trust": "stores",
        "reading": "stores",
        "publishing": "stores reading",
        "images": "stores",
        "upkeep": "stores reading publishing",
    },
    "actions": {
        "files": "",
        "network": "",
        "binaries": "",
        "tools": "",
        "compiling": "files",
        "archives": "files compiling",
        "wheels": "files archives compiling",
        "unpacking": "archives",
        "interpreters": "files network",
        "locking": "files network wheels",
        "deployment": "files wheels unpacking interpreters",
        "bundling": "archives",
        "commands": (
            "files network binaries tools archives compiling wheels interpreters locking "
            "deployment bundling"
        ),
    },
    "client": {
        "disk": "",
        "installation": "disk",
        "fetching": "disk installation",
        "commands": "disk installation fetching",
    },
    "pants_backend": {
        "engine": "",
        "subsystems": "",
        "targets": "engine",
        "processes": "engine subsystems",
        "graph": "engine subsystems targets processes",
        "locks": "engine subsystems processes graph",
        "inputs": "engine subsystems targets processes graph locks",
        "build": "engine subsystems targets processes graph locks inputs",
        "goals": "engine subsystems targets processes graph locks build",
    },
}
"""For each part its rooms from the floor up; for each room, those below it that it may import."""

ROOFS: dict[str, tuple[str, ...]] = {
    "model": (),
    "local": (),
    "repository": ("__main__", "cli"),
    "actions": ("__main__", "cli"),
    "client": ("__main__", "api", "arguments", "cli", "exits"),
    "pants_backend": ("backend",),
}
"""The modules of each part's own folder that bring its rooms together."""

STRANGERS = ("actions/commands",)
"""Rooms whose modules do not import each other."""
