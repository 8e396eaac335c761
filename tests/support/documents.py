"""Judges documents about layers with the libraries of those who define the formats."""

from __future__ import annotations

import json
from typing import Any

from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from packageurl import PackageURL


def read_sbom(text: str) -> dict[str, Any]:
    """A valid SBOM whose components hang together."""
    # It makes parsers for 3 s when it is imported: tests that need it are one group.
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert error is None, repr(error)
    data: dict[str, Any] = json.loads(text)
    assert Bom.from_json(data).validate()  # type: ignore[attr-defined]
    root = data["metadata"]["component"]["bom-ref"]
    refs = [root, *(component["bom-ref"] for component in data["components"])]
    edges = {entry["ref"]: entry.get("dependsOn", []) for entry in data["dependencies"]}
    assert sorted(edges) == sorted(set(refs)) == sorted(refs)
    seen, waiting = set(), [root]
    while waiting:
        ref = waiting.pop()
        if ref not in seen:
            seen.add(ref)
            waiting += edges[ref]
    assert seen == set(refs)
    for component in data["components"]:
        if "purl" in component:
            require_canonical(component["purl"])
    return data


def read_provenance(text: str) -> dict[str, Any]:
    """A valid statement of provenance."""
    data: dict[str, Any] = json.loads(text)
    # Both refuse keys that they do not know.
    statement = json_format.Parse(text, statement_pb2.Statement())
    predicate = json_format.ParseDict(data["predicate"], provenance_pb2.Provenance())
    Statement.copy_from_pb(statement).validate()
    assert json_format.MessageToDict(statement) == data
    assert json_format.MessageToDict(predicate) == data["predicate"]
    assert data["predicateType"] == "https://slsa.dev/provenance/v1"
    for resource in data["predicate"]["buildDefinition"]["resolvedDependencies"]:
        if resource["uri"].startswith("pkg:"):
            require_canonical(resource["uri"])
    return data


def require_canonical(purl: str) -> None:
    """Fail unless `purl` is a package URL in its canonical spelling."""
    assert PackageURL.from_string(purl).to_string() == purl
