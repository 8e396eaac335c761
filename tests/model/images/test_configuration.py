from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from venvstacks_rules.model.contents.files import MODIFICATION_TIME
from venvstacks_rules.model.images.base import BaseImage
from venvstacks_rules.model.images.configuration import (
    CREATED,
    ImageSettings,
    configuration,
    environment_problem,
    port_problem,
    workdir_problem,
)
from venvstacks_rules.model.images.documents import Descriptor, ImageLayer, ImagePlatform
from venvstacks_rules.model.times import parsed_time

AMD = ImagePlatform("linux_x86_64", "amd64")
SETTINGS = ImageSettings(
    entrypoint=("/app/bin/python",),
    cmd=(),
    env=(),
    user=None,
    workdir=None,
    labels=(),
    exposed_ports=(),
)
LAYERS = [ImageLayer(Descriptor("x", "1" * 64, 5), "sha256:2", "made by us")]


def made(settings: ImageSettings, base: dict[str, Any] | None = None) -> Any:
    below = None if base is None else BaseImage(base, (), ("sha256:1",))
    return json.loads(configuration(settings, AMD, below, LAYERS).content)


def test_no_clock() -> None:
    assert parsed_time(CREATED).timestamp() == MODIFICATION_TIME
    assert parsed_time(CREATED) < datetime.now().astimezone()


def test_from_scratch() -> None:
    assert made(SETTINGS) == {
        "created": CREATED,
        "os": "linux",
        "architecture": "amd64",
        "config": {"Entrypoint": ["/app/bin/python"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:2"]},
        "history": [{"created": CREATED, "created_by": "made by us"}],
    }


def test_everything_is_said() -> None:
    settings = replace(
        SETTINGS,
        cmd=("serve", "--port=80"),
        env=(("A", "1"), ("B", "x=y")),
        user="1000:1000",
        workdir="/data",
        labels=(("org.opencontainers.image.version", "1.0"),),
        exposed_ports=("80", "53/udp"),
    )
    assert made(settings)["config"] == {
        "Entrypoint": ["/app/bin/python"],
        "Cmd": ["serve", "--port=80"],
        "Env": ["A=1", "B=x=y"],
        "User": "1000:1000",
        "WorkingDir": "/data",
        "Labels": {"org.opencontainers.image.version": "1.0"},
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
    }


def test_on_a_base() -> None:
    base = {
        "created": "2026-01-01T00:00:00Z",
        "author": "somebody",
        "variant": "v8",
        "config": {
            "Entrypoint": ["/entry"],
            "Cmd": ["bash"],
            "Env": ["PATH=/bin", "A=0", "odd"],
            "User": "nobody",
            "Labels": {"a": "1", "b": "1"},
            "ExposedPorts": {"1/tcp": {}},
            "StopSignal": "SIGINT",
            "Image": "sha256:0",
            "OnBuild": ["RUN false"],
        },
        "history": [{"created_by": "them"}],
    }
    settings = replace(
        SETTINGS, env=(("A", "1"), ("B", "2")), labels=(("b", "2"),), exposed_ports=("2",)
    )
    found = made(settings, base)
    assert found["config"] == {
        "Entrypoint": ["/app/bin/python"],
        "Env": ["PATH=/bin", "A=1", "odd=", "B=2"],
        "User": "nobody",
        "Labels": {"a": "1", "b": "2"},
        "ExposedPorts": {"1/tcp": {}, "2/tcp": {}},
        "StopSignal": "SIGINT",
    }
    assert found["rootfs"]["diff_ids"] == ["sha256:1", "sha256:2"]
    assert [each["created_by"] for each in found["history"]] == ["them", "made by us"]
    assert (found["created"], found["variant"]) == (CREATED, "v8")
    assert "author" not in found


@pytest.mark.parametrize(
    ("history", "found"),
    [
        (None, ["a layer of the base"]),
        ([{"comment": "it"}, {"comment": "no", "empty_layer": True}], ["it", "no"]),
        ([{"comment": "no", "empty_layer": True}, 3], ["no", "a layer of the base"]),
        ([{"comment": "it"}, {"comment": "another"}], ["a layer of the base"]),
    ],
)
def test_each_layer_has_its_history(history: object, found: list[str]) -> None:
    document = made(SETTINGS, {"history": history})
    assert [each["comment"] for each in document["history"][:-1]] == found
    layers = [each for each in document["history"] if not each.get("empty_layer")]
    assert len(layers) == len(document["rootfs"]["diff_ids"])
    assert layers[-1]["created_by"] == "made by us"


@pytest.mark.parametrize("base", [{}, {"config": None, "history": 3}, {"config": {"Env": "x"}}])
def test_bases_that_say_nothing(base: dict[str, Any]) -> None:
    assert made(SETTINGS, base)["config"]["Entrypoint"] == ["/app/bin/python"]


def test_problems() -> None:
    assert [port_problem(good) for good in ("1", "65535/udp", "80/tcp")] == [None] * 3
    for wrong in ("0", "65536", "http", "80/http", "-1", ""):
        assert port_problem(wrong) == f"`{wrong}` is no port: write `8000` or `8000/udp`"
    assert environment_problem("A_B") is None
    assert environment_problem("A=B") == "`A=B` is no name of an environment variable"
    assert environment_problem("") is not None
    assert workdir_problem("/srv") is None
    assert workdir_problem("srv") == (
        "`srv` is no working directory of an image: write an absolute path"
    )
