"""Where images are pushed to."""

from __future__ import annotations

from typing import Any

import pytest
from pants.engine.addresses import Address

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.pants_backend.goals.publish_image import known_places, places_of_image
from venvstacks_rules.pants_backend.graph.images import ImageFieldSet
from venvstacks_rules.pants_backend.targets.images import VenvstacksImage

KNOWN = {
    "release": "oci://registry.example.com/acme",
    "bucket": "s3://bucket/layers",
    "secret": "oci://me:hidden@host.example/x",
}
ADDRESS = Address("s", target_name="image")


def places(*registries: str) -> list[str]:
    return [place.place for place in places_of_image(ADDRESS, registries, "show", KNOWN)]


def test_places() -> None:
    assert places(
        "registry.example.com",
        "127.0.0.1:5000",
        "@release",
        "host.example/team/",
        "registry.example.com",
    ) == [
        "registry.example.com/show",
        "127.0.0.1:5000/show",
        "registry.example.com/acme/show",
        "host.example/team/show",
    ]
    assert places("docker.io/acme") == ["registry-1.docker.io/acme/show"]
    assert places("index.docker.io/acme") == ["registry-1.docker.io/acme/show"]
    assert places() == []


def test_all_problems_at_once() -> None:
    with pytest.raises(DefinitionError) as raised:
        places(
            *(
                "@relaese",
                "@bucket",
                "@secret",
                "https://registry.example.com",
                "me:hidden@host.example",
            ),
            "docker.io",
        )
    assert str(raised.value) == (
        "Images cannot be published as written:\n"
        "  * s:image: `registries` has '@relaese', which `[venvstacks].repositories` does not "
        "name. Did you mean 'release'?\n"
        "  * s:image: `registries` has '@bucket', which is s3://bucket/layers. Name one at "
        "`oci://host/name`, without credentials.\n"
        "  * s:image: `registries` has '@secret', which is oci://host.example/x. Name one at "
        "`oci://host/name`, without credentials.\n"
        "  * s:image: `registries`: `https:` is no host of a registry: write `host` or "
        "`host:port`.\n"
        "  * s:image: `registries`: it has credentials: remove them, as they come from `docker "
        "login`.\n"
        "  * s:image: `registries`: `docker.io` has no `show` of yours: write `docker.io/<your "
        "name>`."
    )


def test_what_is_wrong_with_another_image_stops_no_push() -> None:
    fields = {"application": ":a", "registries": ["registry.example.com"]}

    def known(**more: Any) -> tuple[str, ...]:
        target = VenvstacksImage({**fields, **more}, ADDRESS)
        return tuple(map(str, known_places(ImageFieldSet.create(target), KNOWN)))

    pinned = f"host.example/base@sha256:{'3f' * 32}"
    assert [place.partition("/")[0] for place in known(base=pinned)] == [
        "registry.example.com",
        "host.example",
    ]
    assert known(registries=["@nowhere"]) == ()
    assert known(repository="Upper") == ()
    assert known(base="host.example/base@sha256:12") == ()
