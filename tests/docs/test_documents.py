"""The reference of documents has every key that we write, and none that we do not write."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.support.described_layers import application, package, runtime, source
from venvstacks_rules.model.contents.wheel_metadata import WheelMetadata
from venvstacks_rules.model.documents.described import DescribedLayer
from venvstacks_rules.model.documents.provenance import provenance_json
from venvstacks_rules.model.documents.sbom import sbom_json

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "documents.md"
TEXT = PAGE.read_text(encoding="utf-8")


def layers() -> Iterator[DescribedLayer]:
    """Layers with everything that a layer can have."""
    licensed = WheelMetadata("MIT", license_files=("LICENSE",))
    yield application(
        package("a", metadata=licensed),
        package("b", path="b-1.0-py3-none-any.whl"),
        package("c", from_distribution=True),
        package("d", source=source("d")),
    )
    made = runtime(url="https://files.example.com/cpython.tar.zst")
    yield replace(made, layer=replace(made.layer, include_scripts=(("a", ("b",)),)))


def rows(title: str) -> set[str]:
    """What stands in backquotes in the first cells of the table below a title of a column."""
    _, _, rest = TEXT.partition(f"| {title} |")
    table, _, _ = rest.partition("\n\n")
    lines = table.splitlines()[2:]
    return {name for line in lines for name in re.findall(r"`([^`]+)`", line.split("|")[1])}


def properties(data: object) -> Iterator[str]:
    if isinstance(data, dict):
        if "value" in data and str(data.get("name")).startswith("venvstacks:"):
            yield data["name"]
        for value in data.values():
            yield from properties(value)
    elif isinstance(data, list):
        for value in data:
            yield from properties(value)


def test_every_property_is_documented() -> None:
    written = {name for layer in layers() for name in properties(json.loads(sbom_json(layer)))}
    assert set(re.findall(r"`(venvstacks:\w+)`", TEXT)) == written


def test_every_key_of_an_sbom_is_documented() -> None:
    written: set[str] = set()
    for layer in layers():
        data: dict[str, Any] = json.loads(sbom_json(layer))
        for component in (*data["components"], data["metadata"]["component"]):
            written |= component.keys()
        written |= data.keys() - {"metadata"}
        written |= {f"metadata.{key}" for key in data["metadata"]}
    assert written <= set(re.findall(r"`([$\w.-]+)`", TEXT))


def test_every_parameter_and_every_key_of_a_statement_is_documented() -> None:
    parameters: set[str] = set()
    external: set[str] = set()
    resources: set[str] = set()
    annotations: set[str] = set()
    for layer in layers():
        definition = json.loads(provenance_json(layer))["predicate"]["buildDefinition"]
        parameters |= definition["internalParameters"].keys()
        external |= definition["externalParameters"].keys()
        for resource in definition["resolvedDependencies"]:
            resources |= resource.keys()
            annotations |= resource.get("annotations", {}).keys()
    assert rows("internal parameter") == parameters
    documented = set(re.findall(r"`(\w+)`", TEXT))
    assert external | resources | annotations <= documented
