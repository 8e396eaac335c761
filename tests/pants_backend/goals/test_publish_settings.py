from __future__ import annotations

import pytest
from pants.engine.addresses import Address

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.pants_backend.goals.publish_settings import repository_urls

ADDRESS = Address("src", target_name="release")


def test_kinds_that_a_build_reaches() -> None:
    known = {"store": "s3://layers/here", "local": "file:///srv/layers"}
    assert repository_urls(ADDRESS, ["store", "@local", "oci://host/x"], known) == {
        "store": "s3://layers/here",
        "@local": "file:///srv/layers",
        "oci://host/x": "oci://host/x",
    }


def test_kinds_that_a_build_does_not_reach() -> None:
    known = {"far": "sftp://host/layers", "local": "file:///srv/layers"}
    with pytest.raises(DefinitionError) as caught:
        repository_urls(ADDRESS, ["far", "local"], known)
    assert str(caught.value) == (
        "Targets cannot be published as written:\n"
        "  * src:release: `repositories`: `sftp://host/layers` is none of the kinds that a build"
        " reaches, `file://`, `s3://`, `gs://`, `az://` and `oci://`. Publish to a folder, and copy"
        " it there with `venvstacks-repository mirror`, where `venvstacks-rules[fsspec]` is"
        " installed."
    )
