from __future__ import annotations

import json
from typing import Any

import pytest

from venvstacks_rules.model.errors import ImageError
from venvstacks_rules.model.images.base import (
    BaseManifest,
    base_image,
    base_manifest,
    manifest_of_platform,
)
from venvstacks_rules.model.images.documents import Descriptor, ImagePlatform

AMD, ARM = ImagePlatform("linux_x86_64", "amd64"), ImagePlatform("linux_aarch64", "arm64")
OCI, DOCKER = "application/vnd.oci.image", "application/vnd.docker"
A, B, C = "a" * 64, "b" * 64, "c" * 64


def descriptor(sha256: str, kind: str, size: int = 5) -> dict[str, Any]:
    return {"mediaType": kind, "digest": f"sha256:{sha256}", "size": size}


def index(*places: dict[str, str] | None) -> bytes:
    kind = f"{OCI}.manifest.v1+json"
    listed = [
        {**descriptor(sha256, kind), **({} if place is None else {"platform": place})}
        for sha256, place in zip((A, B, C), places)
    ]
    return json.dumps({"manifests": listed}).encode()


def chosen(platform: ImagePlatform, *places: dict[str, str] | None) -> str:
    found = manifest_of_platform(index(*places), platform, "base")
    assert found is not None
    return found.sha256


X = {"os": "linux", "architecture": "amd64"}
Y = {"os": "linux", "architecture": "arm64", "variant": "v8"}
UNKNOWN = {"os": "unknown", "architecture": "unknown"}


def test_the_platform_chooses() -> None:
    assert chosen(AMD, X, Y, UNKNOWN) == A
    assert chosen(ARM, X, Y, UNKNOWN) == B
    assert chosen(AMD, {**X, "variant": "v3"}, X) == B
    # One image, as `umoci` and `skopeo` write a layout.
    assert chosen(ARM, None) == A
    assert manifest_of_platform(b'{"layers": []}', AMD, "base") is None


@pytest.mark.parametrize(
    ("places", "problem"),
    [
        ((Y, UNKNOWN), "it has no image for linux/amd64, but for linux/arm64/v8."),
        ((), "it has no image for linux/amd64, but for none."),
        (
            (X, X),
            f"it has 2 images for linux/amd64: sha256:{A}, sha256:{B}. Leave one of them.",
        ),
    ],
)
def test_no_choice(places: tuple[dict[str, str], ...], problem: str) -> None:
    with pytest.raises(ImageError) as raised:
        chosen(AMD, *places)
    assert str(raised.value) == f"base cannot be a base:\n  * {problem}"


def manifest(*kinds: str) -> bytes:
    layers = [descriptor(sha256, kind) for sha256, kind in zip((B, C), kinds)]
    config = descriptor(A, f"{DOCKER}.container.image.v1+json", 7)
    return json.dumps({"config": config, "layers": layers}).encode()


def test_layers_of_docker_are_called_as_oci_does() -> None:
    kinds = f"{DOCKER}.image.rootfs.diff.tar.gzip", f"{OCI}.layer.v1.tar+zstd"
    found = base_manifest(manifest(*kinds), "base")
    assert found.layers == (
        Descriptor(f"{OCI}.layer.v1.tar+gzip", B, 5),
        Descriptor(f"{OCI}.layer.v1.tar+zstd", C, 5),
    )
    assert [blob.sha256 for blob in found.blobs] == [A, B, C]


def test_foreign_layers_are_refused() -> None:
    kind = f"{DOCKER}.image.rootfs.foreign.diff.tar.gzip"
    with pytest.raises(ImageError) as raised:
        base_manifest(manifest(kind), "base")
    assert str(raised.value) == (
        "base cannot be a base:\n"
        f"  * `layers[0].mediaType`: `{kind}` is no kind of layer that can be used."
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "a document is not JSON"),
        (b"[" * 100_000, "a document is not JSON: it is nested too deeply."),
        (b"[]", "expected a table, got a list."),
        (b"{}", "`config`: missing.\n  * `layers`: missing."),
        (
            json.dumps({"config": descriptor("../x", ""), "layers": 3}).encode(),
            "`config.digest`: is not `sha256:` and 64 hexadecimal digits.",
        ),
        (
            json.dumps({"config": descriptor(A, "x", -1), "layers": []}).encode(),
            "`config.size`: expected a size in bytes, got -1.",
        ),
    ],
)
def test_hostile_manifests(content: bytes, problem: str) -> None:
    with pytest.raises(ImageError) as raised:
        base_manifest(content, "base")
    assert f"base cannot be a base:\n  * {problem}" in str(raised.value)


def config(**values: Any) -> bytes:
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{C}"]}
    return json.dumps({**X, "rootfs": rootfs, **values}).encode()


LAYER = Descriptor(f"{OCI}.layer.v1.tar+gzip", B, 5)
MANIFEST = BaseManifest(Descriptor("", A, 7), (LAYER,))


def test_a_base() -> None:
    found = base_image(MANIFEST, config(config={"User": "x"}), AMD, "base")
    assert found.layers == (LAYER,)
    assert found.diff_ids == (f"sha256:{C}",)
    assert found.config["config"] == {"User": "x"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            config(architecture="arm64"),
            "it is for linux/arm64, and the layers are for linux/amd64. Pin the digest of an image "
            "that has both, or another base.",
        ),
        (
            config(rootfs={"diff_ids": []}),
            "its manifest has 1 layers, and its configuration 0 `diff_ids`.",
        ),
        (b"{}", "`os`: missing.\n  * `architecture`: missing.\n  * `rootfs`: missing."),
    ],
)
def test_bases_that_do_not_fit(content: bytes, problem: str) -> None:
    with pytest.raises(ImageError) as raised:
        base_image(MANIFEST, content, AMD, "base")
    assert str(raised.value) == f"base cannot be a base:\n  * {problem}"
