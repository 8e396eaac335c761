from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.described_layers import INDEX, application, commit, package, runtime, source
from tests.support.documents import read_sbom
from venvstacks_rules.model.contents.wheel_metadata import WheelMetadata
from venvstacks_rules.model.documents.described import DescribedLayer
from venvstacks_rules.model.documents.sbom import sbom_json

pytestmark = pytest.mark.xdist_group("documents")


def sbom(layer: DescribedLayer) -> dict[str, Any]:
    return read_sbom(sbom_json(layer))


def component(data: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [each for each in data["components"] if each["name"] == name]
    return dict(found)


def properties(data: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["name"], each["value"]) for each in data["properties"]]


RICH = package("rich", "pygments", "mdurl; extra == 'extra'", direct=True)


def test_an_application() -> None:
    data = sbom(application(RICH, package("mdurl")))
    root = data["metadata"]["component"]
    assert (root["type"], root["bom-ref"], root["name"], root["version"]) == (
        *("application", "layer:app-report", "app-report"),
        f"sha256:{'0' * 64}",
    )
    assert properties(root) == [
        ("venvstacks:kind", "application"),
        ("venvstacks:target_platform", "linux_x86_64"),
        ("venvstacks:python_implementation", "cpython@3.11.13"),
        ("venvstacks:requirements_hash", f"sha256:{'0' * 64}"),
        ("venvstacks:launch_module", "report"),
        ("venvstacks:launch_module_hash", f"sha256:{'3' * 64}"),
        ("venvstacks:support_module", f"other sha256/{'4' * 64}"),
    ]
    assert data["components"][:2] == [
        {
            "type": "platform",
            "bom-ref": "layer:cpython",
            "name": "cpython",
            "version": f"sha256:{'8' * 64}",
        },
        {
            "type": "framework",
            "bom-ref": "layer:framework-text@2",
            "name": "framework-text",
            "version": "2",
        },
    ]
    purl = "pkg:pypi/{}@1.0?repository_url=https://packages.example.com/simple"
    assert data["dependencies"] == [
        {
            "ref": "layer:app-report",
            "dependsOn": ["layer:cpython", "layer:framework-text@2", purl.format("rich")],
        },
        {"ref": "layer:cpython"},
        {"ref": "layer:framework-text@2"},
        {"ref": purl.format("mdurl")},
        {
            "ref": purl.format("rich"),
            "dependsOn": ["layer:framework-text@2", purl.format("mdurl")],
        },
    ]


def test_a_package() -> None:
    metadata = WheelMetadata("MIT", license_files=("LICENSE", "NOTICE"))
    numpy = package(
        "numpy",
        wheel="numpy-1.0-1-cp311-cp311-manylinux_2_17_x86_64.whl",
        index="https://user:secret@pypi.org/simple",
        direct=True,
        metadata=metadata,
    )
    found = component(sbom(application(numpy)), "numpy")
    assert found.pop("properties") == [
        {"name": f"venvstacks:{name}", "value": value}
        for name, value in (
            ("wheel", "numpy-1.0-1-cp311-cp311-manylinux_2_17_x86_64.whl"),
            ("wheel_size", "100"),
            ("wheel_tags", "cp311-cp311-manylinux_2_17_x86_64"),
            ("direct", "true"),
            ("index", "https://pypi.org/simple"),
            ("license_file", "LICENSE"),
            ("license_file", "NOTICE"),
        )
    ]
    hashes = [{"alg": "SHA-256", "content": "6e" * 32}]
    assert found == {
        "type": "library",
        "bom-ref": "pkg:pypi/numpy@1.0",
        "name": "numpy",
        "version": "1.0",
        "purl": "pkg:pypi/numpy@1.0",
        "hashes": hashes,
        "licenses": [{"license": {"id": "MIT", "acknowledgement": "declared"}}],
        "externalReferences": [
            {
                "type": "distribution",
                "url": "https://files.example.com/numpy-1.0-1-cp311-cp311-manylinux_2_17_x86_64.whl",
                "hashes": hashes,
            }
        ],
    }


def test_packages_that_no_index_has() -> None:
    data = sbom(
        application(
            package("direct", index=None),
            package("local", path="../wheels/local-1.0-py3-none-any.whl"),
            package("ours", from_distribution=True, direct=True),
            package("sourced", source=source("sourced")),
        )
    )
    assert component(data, "direct")["purl"] == (
        "pkg:pypi/direct@1.0?download_url=https://files.example.com/direct-1.0-py3-none-any.whl"
    )
    assert component(data, "local")["purl"] == "pkg:pypi/local@1.0"
    local = ("venvstacks:wheel_path", "../wheels/local-1.0-py3-none-any.whl")
    assert local in properties(component(data, "local"))
    ours = component(data, "ours")
    assert (ours["purl"], "externalReferences" in ours) == ("pkg:generic/ours@1.0", False)
    assert ("venvstacks:built_from", "python_distribution") in properties(ours)
    sourced = component(data, "sourced")
    assert ("venvstacks:built_from", "sdist") in properties(sourced)
    assert sourced["externalReferences"] == [
        {
            "type": "source-distribution",
            "url": "https://files.example.com/sourced-1.0.tar.gz",
            "hashes": [{"alg": "SHA-256", "content": "1" * 64}],
        }
    ]


def test_a_package_of_a_commit() -> None:
    found = component(sbom(application(package("text", source=commit("text")))), "text")
    assert ("venvstacks:built_from", "vcs") in properties(found)
    reference = "git%2Bhttps://git.example.com/text.git%40" + "c" * 40 + "%23subdirectory%3Dpython"
    assert found["purl"] == f"pkg:pypi/text@1.0?vcs_url={reference}"
    assert found["externalReferences"] == [
        {
            "type": "vcs",
            "url": "git+https://git.example.com/text.git@" + "c" * 40,
            "hashes": [{"alg": "SHA-256", "content": "1" * 64}],
        }
    ]


def test_a_runtime() -> None:
    url = "https://github.example.com/releases/download/2/cpython-3.13.1+2.tar.zst"
    data = sbom(runtime(package("pip"), url=url))
    assert data["metadata"]["component"]["type"] == "platform"
    assert data["metadata"]["component"]["version"] == "4"
    interpreter = component(data, "cpython")
    assert (interpreter["type"], interpreter["version"]) == ("platform", "3.13.1t")
    assert interpreter["cpe"] == "cpe:2.3:a:python:python:3.13.1:*:*:*:*:*:*:*"
    assert interpreter["externalReferences"][0]["url"] == url
    assert properties(interpreter) == [("venvstacks:python_provider", "pbs")]
    assert data["dependencies"][0]["ref"] == "layer:cpython@4"
    assert interpreter["bom-ref"] in data["dependencies"][0]["dependsOn"]
    local = component(sbom(runtime()), "cpython")
    assert local["purl"] == f"pkg:generic/cpython@3.13.1?checksum=sha256:{'7' * 64}"
    assert properties(local) == [("venvstacks:python_provider", "local")]


def test_every_package_is_reached() -> None:
    # `exotic` is in the lock only by a setting for locking, which no METADATA tells.
    data = sbom(application(RICH, package("mdurl"), package("exotic")))
    purl = "pkg:pypi/exotic@1.0?repository_url=https://packages.example.com/simple"
    assert purl in data["dependencies"][0]["dependsOn"]


def test_the_serial_number_follows_from_the_content() -> None:
    layer = application(RICH, package("mdurl"))
    first, again = sbom_json(layer), sbom_json(replace(layer))
    assert first == again
    other = sbom(application(RICH))["serialNumber"]
    assert json.loads(first)["serialNumber"] != other
    # Version 8, variant 2 of RFC 9562.
    assert (other[len("urn:uuid:") + 14], other[len("urn:uuid:") + 19] in "89ab") == ("8", True)


def test_nothing_of_a_clock_or_a_secret() -> None:
    text = sbom_json(application(package("sourced", source=source("sourced"))))
    for word in ("2024", "timestamp", "secret", "user:"):
        assert word not in text
    assert INDEX.startswith("https://packages")
