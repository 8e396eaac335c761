from __future__ import annotations

import hashlib
import json

from venvstacks_rules.model.images.documents import (
    INDEX,
    LAYER,
    MANIFEST,
    Descriptor,
    Document,
    ImagePlatform,
    image_index,
    layout_index,
    manifest,
)

LAYERS = (Descriptor(f"{LAYER}+gzip", "1" * 64, 10), Descriptor(f"{LAYER}+gzip", "2" * 64, 20))


def test_platforms() -> None:
    assert str(ImagePlatform.of("linux_x86_64")) == "linux/amd64"
    assert str(ImagePlatform.of("linux_aarch64")) == "linux/arm64"
    assert ImagePlatform.of("macosx_arm64") is None
    assert ImagePlatform.of("win_amd64") is None


def test_documents_are_named_by_their_bytes() -> None:
    found = Document.of(MANIFEST, {"b": "ü", "a": 1})
    assert found.content == '{"a":1,"b":"ü"}'.encode()
    assert found.descriptor.sha256 == hashlib.sha256(found.content).hexdigest()
    assert found.descriptor.size == len(found.content)
    assert found.descriptor.path == f"blobs/sha256/{found.descriptor.sha256}"


def test_manifest_and_index() -> None:
    config = Descriptor("c", "0" * 64, 5)
    made = manifest(config, LAYERS)
    assert json.loads(made.content) == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "c", "digest": f"sha256:{'0' * 64}", "size": 5},
        "layers": [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "digest": f"sha256:{digit * 64}",
                "size": size,
            }
            for digit, size in (("1", 10), ("2", 20))
        ],
    }
    platform = ImagePlatform("linux_aarch64", "arm64")
    index = json.loads(image_index([(platform, made.descriptor)]).content)
    assert index["mediaType"] == INDEX
    assert index["manifests"] == [
        {**made.descriptor.to_dict(), "platform": {"os": "linux", "architecture": "arm64"}}
    ]


def test_the_layout_names_the_image() -> None:
    text = layout_index(LAYERS[0], "docker.io/library/show", ("1.0", "latest"))
    annotations = [each["annotations"] for each in json.loads(text)["manifests"]]
    assert annotations == [
        {
            "org.opencontainers.image.ref.name": tag,
            "io.containerd.image.name": f"docker.io/library/show:{tag}",
        }
        for tag in ("1.0", "latest")
    ]
