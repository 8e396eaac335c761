"""The provenance of a layer: an in-toto statement with the predicate of SLSA."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from venvstacks_rules.model.distributions import normalised_name
from venvstacks_rules.model.documents.described import DescribedLayer, DescribedPackage, InputFile
from venvstacks_rules.model.documents.purls import package_url
from venvstacks_rules.model.json_codec import document_json
from venvstacks_rules.model.product import NAME, VERSION

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:x-venvstacks-rules:layer:1"
"""See docs/reference/documents.md."""


def provenance_json(layer: DescribedLayer) -> str:
    """The statement about a layer, without subjects: those that hold the layer name them."""
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": _external(layer),
                "internalParameters": _internal(layer),
                "resolvedDependencies": sorted(
                    _dependencies(layer), key=lambda found: (found["uri"], found.get("name", ""))
                ),
            },
            "runDetails": {
                "builder": {
                    "id": layer.builder.id,
                    "version": {NAME: VERSION, **dict(layer.builder.versions)},
                }
            },
        },
    }
    return document_json(statement)


def _external(layer: DescribedLayer) -> dict[str, Any]:
    """What a user asks for."""
    return {"target": layer.layer.address, "target_platform": layer.metadata.target_platform}


def _internal(layer: DescribedLayer) -> dict[str, Any]:
    """What the definition of the layer and the options say."""
    metadata = layer.metadata
    found: dict[str, Any] = {
        "kind": layer.kind.value,
        "layer_name": metadata.layer_name,
        "install_target": metadata.install_target,
        "requirements_hash": metadata.requirements_hash,
        "python_implementation": metadata.python_implementation,
        "lower_layers": [below.install_target for below in layer.below],
        "archive_format": layer.compression.archive_format,
        "compression_level": layer.compression.level,
    }
    if metadata.app_launch_module is not None:
        found["launch_module"] = metadata.app_launch_module
    for key, globs in (
        ("exclude_files", layer.layer.exclude_files),
        ("include_scripts", layer.layer.include_scripts),
    ):
        if globs:
            found[key] = {name: list(of_package) for name, of_package in globs}
    if layer.layer.console_scripts:
        found["console_scripts"] = list(layer.layer.console_scripts)
    if metadata.stripped_interpreter:
        found["strip_interpreter"] = list(metadata.stripped_interpreter)
    if layer.interpreter is not None:
        found["python_provider"] = layer.interpreter.provider
    return found


def _dependencies(layer: DescribedLayer) -> Iterator[dict[str, Any]]:
    for package in layer.packages:
        yield from _of_package(package)
    if layer.interpreter is not None:
        yield _resource(layer.interpreter.purl, layer.interpreter.archive)
    for file in (layer.lockfile, *layer.code):
        # Relative to the root of the repository.
        yield _resource(f"file:{quote(file.name)}", file)


def _of_package(package: DescribedPackage) -> Iterator[dict[str, Any]]:
    wheel = InputFile(package.wheel.file_name, package.wheel.sha256, package.url)
    annotations = {} if package.index is None else {"index": package.index}
    if package.package.is_built:
        annotations["built"] = "true"
    yield _resource(package.purl, wheel, annotations)
    for number, file in enumerate(package.sources):
        built_for = {"built_into": package.wheel.file_name}
        yield _resource(_source_url(file, package, is_archive=number == 0), file, built_for)


def _source_url(file: InputFile, package: DescribedPackage, *, is_archive: bool) -> str:
    """The package URL of what a wheel was built from, with the name of the file."""
    if is_archive and package.commit is not None:
        return package.commit.reference
    if is_archive:
        name, version = package.package.name, package.package.version
    else:
        written, version, *_ = file.name.split("-")
        name = normalised_name(written)
    return package_url("pypi", name, version, {"file_name": file.name})


def _resource(
    uri: str, file: InputFile, annotations: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A resource descriptor of in-toto."""
    return {
        "uri": uri,
        "name": file.name,
        "digest": {
            "sha256": file.sha256,
            **({"gitCommit": file.commit} if file.commit is not None else {}),
        },
        **({"downloadLocation": file.url} if file.url is not None else {}),
        **({"annotations": dict(annotations)} if annotations else {}),
    }
