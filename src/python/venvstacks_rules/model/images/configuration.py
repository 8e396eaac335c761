"""The configuration of an image: what it starts, for whom, where; what it is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from venvstacks_rules.model.images.base import BaseImage
from venvstacks_rules.model.images.documents import CONFIG, Document, ImageLayer, ImagePlatform

CREATED = "1980-01-02T00:00:00Z"
"""That of all files of the layers: an image does not know when it was built."""
_PORT = re.compile(r"([0-9]{1,5})(/(?:tcp|udp|sctp))?")


@dataclass(frozen=True)
class ImageSettings:
    """What the definition of an image says; None where it says nothing."""

    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    user: str | None
    workdir: str | None
    labels: tuple[tuple[str, str], ...]
    exposed_ports: tuple[str, ...]


def port_problem(port: str) -> str | None:
    """Why `port` cannot be exposed, or None."""
    match = _PORT.fullmatch(port)
    if match is None or not 0 < int(match[1]) < 65536:
        return f"`{port}` is no port: write `8000` or `8000/udp`"
    return None


def environment_problem(name: str) -> str | None:
    """Why `name` cannot be an environment variable, or None."""
    if not name or "=" in name or "\0" in name:
        return f"`{name}` is no name of an environment variable"
    return None


def workdir_problem(folder: str) -> str | None:
    """Why `folder` cannot be a working directory, or None."""
    if not folder.startswith("/"):
        return f"`{folder}` is no working directory of an image: write an absolute path"
    return None


def configuration(
    settings: ImageSettings,
    platform: ImagePlatform,
    base: BaseImage | None,
    layers: Sequence[ImageLayer],
) -> Document:
    """The configuration of an image of `base` and `layers`, the lowest first.

    As in a Dockerfile, an entrypoint takes the place of the base's, and of the arguments for it;
    variables, labels and ports are added.
    """
    below: Mapping[str, Any] = {} if base is None else base.config
    told = below.get("config")
    config = dict(told) if isinstance(told, dict) else {}
    # Of the base's own: the image is another, and was built on it already.
    for name in ("Image", "ArgsEscaped", "Hostname", "Domainname", "OnBuild"):
        config.pop(name, None)
    config["Entrypoint"] = list(settings.entrypoint)
    config.pop("Cmd", None)
    given = {
        "Cmd": list(settings.cmd),
        "Env": _environment(config.get("Env"), settings.env),
        "User": settings.user,
        "WorkingDir": settings.workdir,
        "Labels": {**_table(config.get("Labels")), **dict(settings.labels)},
        "ExposedPorts": {
            **_table(config.get("ExposedPorts")),
            **{_port(port): {} for port in settings.exposed_ports},
        },
    }
    config.update({name: value for name, value in given.items() if value})
    diff_ids = () if base is None else base.diff_ids
    own = [{"created": CREATED, "created_by": layer.made_by} for layer in layers]
    return Document.of(
        CONFIG,
        {
            **{
                name: below[name]
                for name in ("variant", "os.version", "os.features")
                if name in below
            },
            "created": CREATED,
            "architecture": platform.architecture,
            "os": platform.os,
            "config": config,
            "rootfs": {
                "type": "layers",
                "diff_ids": [*diff_ids, *(layer.diff_id for layer in layers)],
            },
            "history": [*_history(below.get("history"), len(diff_ids)), *own],
        },
    )


def _history(told: object, layers: int) -> list[Any]:
    """The history of a base, with an entry for each of its layers.

    A base may have none at all; then tools would take our entries for those of its layers.
    """
    listed = [entry for entry in told if isinstance(entry, dict)] if isinstance(told, list) else []
    found = sum(entry.get("empty_layer") is not True for entry in listed)
    if found > layers:
        listed, found = [], 0
    return [*listed, *({"comment": "a layer of the base"} for _ in range(layers - found))]


def _environment(below: object, own: Iterable[tuple[str, str]]) -> list[str]:
    """The variables of the base, in its order, with other values or more of them."""
    listed = below if isinstance(below, list) else []
    variables = dict(str(text).partition("=")[::2] for text in listed)
    variables.update(own)
    return [f"{name}={value}" for name, value in variables.items()]


def _table(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def _port(port: str) -> str:
    return port if "/" in port else f"{port}/tcp"
