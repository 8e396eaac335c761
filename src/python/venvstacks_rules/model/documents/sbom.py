"""The SBOM of a layer: CycloneDX, with nothing that depends on when and where it is made."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from venvstacks_rules.model.contents.wheel_metadata import WheelRequirement
from venvstacks_rules.model.documents.described import (
    DescribedInterpreter,
    DescribedLayer,
    DescribedPackage,
    InputFile,
    LayerBelow,
)
from venvstacks_rules.model.documents.licences import licences
from venvstacks_rules.model.documents.needs import needs, reached
from venvstacks_rules.model.json_codec import compact_json, document_json
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.model.product import NAME, VERSION

SPEC_VERSION = "1.6"
_SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
_TYPES = {
    LayerKind.RUNTIME: "platform",
    LayerKind.FRAMEWORK: "framework",
    LayerKind.APPLICATION: "application",
}
_PREFIX = "venvstacks"


def sbom_json(layer: DescribedLayer) -> str:
    """The text of the SBOM; the same layer gives the same bytes."""
    data = _sbom(layer)
    return document_json({**data, "serialNumber": _serial_number(compact_json(data))})


def _serial_number(text: str) -> str:
    """A UUID that follows from the content: version 8 of RFC 9562, of a SHA-256."""
    number = int(hashlib.sha256(text.encode("utf-8")).hexdigest()[:32], 16)
    for value, bits, place in ((8, 0xF, 76), (0b10, 0b11, 62)):
        number = number & ~(bits << place) | value << place
    digits = f"{number:032x}"
    ends = (0, 8, 12, 16, 20, 32)
    return "urn:uuid:" + "-".join(digits[a:b] for a, b in zip(ends, ends[1:]))


def _sbom(layer: DescribedLayer) -> dict[str, Any]:
    components = [
        *(_layer_below(below) for below in layer.below),
        *([_interpreter(layer.interpreter)] if layer.interpreter is not None else []),
        *(_package(package) for package in layer.packages),
    ]
    return {
        "$schema": _SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "version": 1,
        "metadata": {
            "lifecycles": [{"phase": "build"}],
            "tools": {"components": [{"type": "application", "name": NAME, "version": VERSION}]},
            "component": _layer(layer),
        },
        "components": sorted(components, key=lambda component: str(component["bom-ref"])),
        "dependencies": _dependencies(layer),
    }


# ------------------------------------------------------------------------------------- components
def _layer(layer: DescribedLayer) -> dict[str, Any]:
    metadata = layer.metadata
    properties = [
        ("kind", layer.kind.value),
        ("target_platform", metadata.target_platform),
        ("python_implementation", metadata.python_implementation),
        ("requirements_hash", metadata.requirements_hash),
    ]
    if metadata.app_launch_module is not None:
        properties += [
            ("launch_module", metadata.app_launch_module),
            ("launch_module_hash", metadata.app_launch_module_hash or ""),
        ]
    for module in metadata.app_support_modules:
        properties.append(("support_module", f"{module.name} {module.hash}"))
    return {
        "type": _TYPES[layer.kind],
        "bom-ref": _layer_ref(metadata.install_target),
        "name": metadata.layer_name,
        "version": layer.version,
        "properties": _properties(properties),
    }


def _layer_below(below: LayerBelow) -> dict[str, Any]:
    # Its own SBOM says what it has.
    return {
        "type": _TYPES[below.kind],
        "bom-ref": _layer_ref(below.install_target),
        "name": below.layer_name,
        "version": below.version,
    }


def _interpreter(interpreter: DescribedInterpreter) -> dict[str, Any]:
    return {
        "type": "platform",
        "bom-ref": interpreter.purl,
        "name": "cpython",
        "version": interpreter.python_version,
        "purl": interpreter.purl,
        "cpe": interpreter.cpe,
        "hashes": _hashes(interpreter.archive.sha256),
        **_references([("distribution", interpreter.archive)]),
        "properties": _properties([("python_provider", interpreter.provider)]),
    }


def _package(package: DescribedPackage) -> dict[str, Any]:
    wheel = InputFile(package.wheel.file_name, package.wheel.sha256, package.url)
    source = package.sources[0] if package.sources else None
    properties = [
        ("wheel", wheel.name),
        ("wheel_size", str(package.wheel.size)),
        ("wheel_tags", "-".join(wheel.name[: -len(".whl")].split("-")[-3:])),
        ("direct", "true" if package.direct else "false"),
    ]
    if package.index is not None:
        properties.append(("index", package.index))
    if package.wheel.path is not None:
        properties.append(("wheel_path", package.wheel.path))
    if package.package.is_built:
        archive = "sdist" if package.commit is None else "vcs"
        properties.append(("built_from", archive if source is not None else "python_distribution"))
    properties += [("license_file", name) for name in package.metadata.license_files]
    found = licences(package.metadata)
    return {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.package.name,
        "version": package.package.version,
        "purl": package.purl,
        "hashes": _hashes(wheel.sha256),
        **({"licenses": found} if found else {}),
        **_references(
            [
                ("distribution", wheel),
                ("source-distribution" if package.commit is None else "vcs", source),
            ]
        ),
        "properties": _properties(properties),
    }


def _references(files: Iterable[tuple[str, InputFile | None]]) -> dict[str, Any]:
    found = [
        {"type": kind, "url": file.url, "hashes": _hashes(file.sha256)}
        for kind, file in files
        if file is not None and file.url is not None
    ]
    return {"externalReferences": found} if found else {}


def _hashes(sha256: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": sha256}]


def _properties(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": f"{_PREFIX}:{name}", "value": value} for name, value in pairs]


def _layer_ref(install_target: str) -> str:
    return f"layer:{install_target}"


# ----------------------------------------------------------------------------------- dependencies
def _dependencies(layer: DescribedLayer) -> list[dict[str, Any]]:
    refs = {package.package.name: package.purl for package in layer.packages}
    for name, install_target in layer.provided:
        refs.setdefault(name, _layer_ref(install_target))
    parsed = map(WheelRequirement.parsed, layer.layer.requirements)
    edges = needs(
        {package.package.name: package.metadata.requires for package in layer.packages},
        [requirement for requirement in parsed if requirement is not None],
        PLATFORMS[layer.metadata.target_platform],
        layer.python_version,
    )
    direct = {package.package.name for package in layer.packages if package.direct}
    # What only settings for the lock bring; without it, the graph would have loose ends.
    further = edges.keys() - reached(direct, edges)
    of_layer = [refs[name] for name in (*direct, *further)]
    of_layer += [_layer_ref(below.install_target) for below in layer.below]
    if layer.interpreter is not None:
        of_layer.append(layer.interpreter.purl)
    found = {
        _layer_ref(layer.metadata.install_target): of_layer,
        **{_layer_ref(below.install_target): [] for below in layer.below},
        **({layer.interpreter.purl: []} if layer.interpreter is not None else {}),
        **{refs[name]: [refs[n] for n in edges[name] if n in refs] for name in edges},
    }
    return _listed(found)


def _listed(edges: Mapping[str, Iterable[str]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for ref in sorted(edges):
        needed = sorted(set(edges[ref]))
        found.append({"ref": ref, **({"dependsOn": needed} if needed else {})})
    return found
